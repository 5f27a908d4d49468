import type { PeerId, Standing, Timestamp } from "../../types.ts";
import { waitFor } from "./patience.ts";
import type { Arrival, FetchState, Neighbour, RoundState } from "./round-state.ts";
import { commitGrace, isSupported, supportedAt, tolerance } from "./support.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** Training time assumed by a node that has not measured its own, in commit graces. */
const UNMEASURED_PATIENCE = 8;

/** Whether updates of a peer in this standing are fetched at all. */
export function isUsable(standing: Standing): boolean {
  return standing === "full" || standing === "reduced";
}

/** Whether the neighbour has a part in this round. */
export function takesPart({ isMember, standing }: Neighbour): boolean {
  return isMember && isUsable(standing);
}

/** Whether the neighbour announced one, and only one, payload for the round. */
export function hasAnnounced(neighbour: Neighbour, round: number): boolean {
  return neighbour.arrivals.get(round)?.equivocated === false;
}

/**
 * Whether the round may have to wait for this neighbour. It need not for one that is out of standing, that was
 * waited for in vain before, or that is past this round without an announcement for it.
 */
function isExpected(state: RoundState, neighbour: Neighbour, arrival?: Arrival): boolean {
  if (!takesPart(neighbour)) return false;
  if (arrival !== undefined) return !arrival.equivocated;
  return (
    !neighbour.hasLeft &&
    neighbour.newestRound < state.round &&
    waitFor(neighbour.announcing, state.config.timing) !== "none"
  );
}

/** Arrivals from others that, with this node, make a quorum of `expected` others and this node. */
function quorumOf(state: RoundState, expected: number): number {
  return Math.max(1, Math.floor(state.config.timing.quorumShare * (expected + 1)));
}

/**
 * When a node must give up waiting in its round, so that it can announce the next round in time. Once honest
 * neighbours have announced the next round, the stragglers of this one get half of their grace, less the time to
 * train.
 */
function leaveBy(state: RoundState): Timestamp {
  const since = supportedAt(state, state.round + 1);
  if (since === null) return Number.POSITIVE_INFINITY;
  return since + Math.max(0, commitGrace(state) - (state.trainingMs ?? 0)) / 2;
}

/** The commit phase at a glance. */
export interface CommitView {
  /** How many of those that are expected have not announced. */
  readonly missing: number;
  readonly quorum: boolean;
  /** Infinity while nobody is there: rounds that nobody mixes would only use up the run. */
  readonly deadline: Timestamp;
  /** Whoever announces later than this makes the others wait for long; Infinity before there is a quorum. */
  readonly punctualUntil: Timestamp;
}

/** Whether there are neighbours to wait for, and none of them has been heard of in this round or a later one. */
function isAlone(state: RoundState): boolean {
  let others = 0;
  for (const neighbour of state.neighbours.values) {
    if (!takesPart(neighbour)) continue;
    if (neighbour.newestRound >= state.round) return false;
    others += 1;
  }
  return others > 0;
}

/** Whom the commit phase waits for, in order. */
export function awaitedAnnouncers(state: RoundState): readonly PeerId[] {
  const alone = isAlone(state);
  const isAwaited = (neighbour: Neighbour): boolean =>
    alone
      ? takesPart(neighbour)
      : !neighbour.arrivals.has(state.round) && isExpected(state, neighbour);
  return [...state.neighbours].flatMap(([peer, neighbour]) => (isAwaited(neighbour) ? [peer] : []));
}

/** How long a node waits for a quorum. */
function patienceOf({ config: { timing }, trainingMs }: RoundState): number {
  if (trainingMs === null) return UNMEASURED_PATIENCE * timing.commitGraceMs;
  return Math.max(2 * timing.commitGraceMs, timing.patienceFactor * trainingMs);
}

/** What of the announcements that are expected has arrived. */
interface CommitTally {
  readonly arrivedAt: readonly number[];
  readonly missing: number;
  /** Whether one of those that are missing is owed the whole grace. */
  readonly isGraceOwed: boolean;
}

function tallyCommit(state: RoundState): CommitTally {
  const { round, config, neighbours } = state;
  const arrivedAt: number[] = [];
  let missing = 0;
  let isGraceOwed = false;
  for (const neighbour of neighbours.values) {
    const arrival = neighbour.arrivals.get(round);
    if (!isExpected(state, neighbour, arrival)) continue;
    if (arrival !== undefined) arrivedAt.push(arrival.at);
    else {
      missing += 1;
      isGraceOwed ||= waitFor(neighbour.announcing, config.timing) === "grace";
    }
  }
  return { arrivedAt, missing, isGraceOwed };
}

/** Arrivals without which the commit phase has no quorum. A run begins with more of its members than a round needs. */
function commitQuorum(state: RoundState, expected: number): number {
  const quorum = quorumOf(state, expected);
  if (state.round > 0) return quorum;
  const { startOthers, neighbours } = state.config;
  return Math.max(quorum, Math.min(startOthers ?? neighbours.length >> 1, expected));
}

/** How much the commit phase waits for, and until when, as of what has arrived. */
export function viewCommit(state: RoundState): CommitView {
  const { timing } = state.config;
  if (isAlone(state)) {
    const missing = awaitedAnnouncers(state).length;
    return { missing, quorum: false, deadline: NEVER, punctualUntil: NEVER };
  }
  const { arrivedAt, missing, isGraceOwed } = tallyCommit(state);
  const needed = commitQuorum(state, missing + arrivedAt.length);
  const leaveAt = Math.min(state.phaseAt + timing.commitMaxMs, leaveBy(state));
  if (arrivedAt.length < needed) {
    // However long that takes: whoever is late to a run under way catches up.
    const isBeginning = state.round === 0 && !isSupported(state, 1);
    const deadline = isBeginning ? NEVER : Math.min(state.phaseAt + patienceOf(state), leaveAt);
    return { missing, quorum: false, deadline, punctualUntil: NEVER };
  }
  // The spread is that of the others, for a node may have waited long before anybody was there. It leaves out the b
  // earliest: announcing before training must not stretch everyone's wait.
  const times = Float64Array.from(arrivedAt).sort();
  const quorumAt = times[needed - 1] ?? state.phaseAt;
  const firstAt = times[Math.min(state.attackersMax, needed - 1)] ?? quorumAt;
  const grace = Math.max(commitGrace(state), timing.spreadFactor * (quorumAt - firstAt));
  const from = Math.max(quorumAt, state.phaseAt);
  // a run begins when its members are there: nobody is late for that
  const punctualUntil = state.round === 0 ? NEVER : from + tolerance(state, grace);
  const deadline = Math.min(from + grace, leaveAt, isGraceOwed ? NEVER : punctualUntil);
  return { missing, quorum: true, deadline, punctualUntil };
}

/** Whose payload the fetch phase waits for, in order. */
export function awaitedServers(state: RoundState): readonly PeerId[] {
  return [...state.fetches].flatMap(([peer, fetch]) => (isPending(fetch) ? [peer] : []));
}

/** The fetch phase at a glance: pending payloads that are waited for, and until when. */
export function viewFetch(state: RoundState): {
  readonly pending: number;
  readonly deadline: Timestamp;
  /** Whichever payload comes later than this makes the others wait for long. */
  readonly punctualUntil: Timestamp;
} {
  const { timing } = state.config;
  const fetchedAt: number[] = [];
  let pending = 0;
  let isGraceOwed = false;
  for (const fetch of state.fetches.values) {
    if (fetch.result === "fetched") fetchedAt.push(fetch.at);
    if (!isPending(fetch)) continue;
    pending += 1;
    isGraceOwed ||= fetch.wait === "grace";
  }
  const longest = Math.min(state.phaseAt + timing.fetchMaxMs, leaveBy(state));
  const needed = quorumOf(state, state.fetches.size);
  if (fetchedAt.length < needed) return { pending, deadline: longest, punctualUntil: NEVER };
  const quorumAt = Float64Array.from(fetchedAt).sort()[needed - 1] ?? state.phaseAt;
  const spread = quorumAt - state.phaseAt;
  const grace = Math.max(timing.fetchGraceMs, timing.spreadFactor * spread);
  const punctualUntil = quorumAt + Math.max(spread, tolerance(state, grace));
  const deadline = isGraceOwed ? quorumAt + grace : punctualUntil;
  return { pending, deadline: Math.min(longest, deadline), punctualUntil };
}

function isPending(fetch: FetchState): boolean {
  return fetch.result === "pending" && fetch.wait !== "none";
}

/** Whether enough payloads arrived in this round for a failure to be the other side's. */
export function hasFetchQuorum(state: RoundState): boolean {
  let fetched = 0;
  for (const fetch of state.fetches.values) if (fetch.result === "fetched") fetched += 1;
  return fetched >= quorumOf(state, state.fetches.size);
}

/** Neighbours whose single announcement for the round is known, in order. */
export function announcers({ neighbours }: RoundState, round: number): readonly PeerId[] {
  return [...neighbours].flatMap(([peer, each]) => (hasAnnounced(each, round) ? [peer] : []));
}

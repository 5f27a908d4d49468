import type { PeerId, Timestamp } from "../../types.ts";
import { isPending } from "./fetches.ts";
import { arrivalOf, hasAnnounced, isAwaited, type Neighbour, takesPart } from "./neighbours.ts";
import { commitGrace, tolerance } from "./patience.ts";
import type { RoundState } from "./round-state.ts";
import { isSupported, supportedAt } from "./support.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** Training time assumed by a node that has not measured its own, in commit graces. */
const UNMEASURED_PATIENCE = 8;

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
  const since = isSupported(state, 1) ? supportedAt(state, state.round + 1) : null;
  if (since === null) return NEVER;
  return (
    since +
    Math.max(0, commitGrace(state.config.timing, state.trainingMs) - (state.trainingMs ?? 0)) / 2
  );
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
function isAlone({ neighbours: { tally } }: RoundState): boolean {
  return tally.others > 0 && tally.heard === 0;
}

/** Whom the commit phase waits for, in order. */
export function awaitedAnnouncers(state: RoundState): readonly PeerId[] {
  const { neighbours, round, config } = state;
  if (isAlone(state)) return neighbours.peersWhere(takesPart);
  return neighbours.peersWhere((neighbour) => isAwaited(neighbour, round, config.timing));
}

/** How long a node waits for a quorum. */
function patienceOf({ config: { timing }, trainingMs }: RoundState): number {
  if (trainingMs === null) return UNMEASURED_PATIENCE * timing.commitGraceMs;
  return Math.max(2 * timing.commitGraceMs, timing.patienceFactor * trainingMs);
}

/** When so many had announced a round that it may have been closed somewhere; Infinity before that. */
export function mayBeClosedFrom(state: RoundState, round: number): Timestamp {
  const members = state.neighbours.values.filter(takesPart);
  return announcements(members, round)[quorumOf(state, members.length) - 1] ?? NEVER;
}

/**
 * When those who had announced a round that this node has not were a quorum among themselves; Infinity before that, when
 * none of them has closed it, unless it lost patience.
 */
export function quorumWithoutSelfAt(state: RoundState, round: number): Timestamp {
  const members = state.neighbours.values.filter(takesPart);
  const announcedAt = announcements(members, round);
  const missing = members.filter((each) => isAwaited(each, round, state.config.timing)).length;
  // each of them is one, and needs so many others
  const others = quorumOf(state, missing + announcedAt.length);
  return announcedAt[others] ?? NEVER;
}

/** When members announced a round, in order. */
function announcements(members: readonly Neighbour[], round: number): Float64Array {
  const announcedAt = members.flatMap((neighbour) => arrivalOf(neighbour, round)?.at ?? []);
  return Float64Array.from(announcedAt).sort();
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
  const { others, missing, owedGrace, arrivedAt } = state.neighbours.tally;
  if (isAlone(state)) {
    return { missing: others, quorum: false, deadline: NEVER, punctualUntil: NEVER };
  }
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
  const quorumAt = arrivedAt[needed - 1] ?? state.phaseAt;
  const firstAt = arrivedAt[Math.min(state.attackersMax, needed - 1)] ?? quorumAt;
  const grace = Math.max(
    commitGrace(state.config.timing, state.trainingMs),
    timing.spreadFactor * (quorumAt - firstAt),
  );
  const from = Math.max(quorumAt, state.phaseAt);
  // a run begins when its members are there: nobody is late for that
  const punctualUntil =
    state.round === 0 ? NEVER : from + tolerance(timing, state.trainingMs, grace);
  const deadline = Math.min(from + grace, leaveAt, owedGrace > 0 ? NEVER : punctualUntil);
  return { missing, quorum: true, deadline, punctualUntil };
}

/** Whose payload the fetch phase waits for, in order. */
export function awaitedServers({ fetches }: RoundState): readonly PeerId[] {
  return fetches.peersWhere(isPending);
}

/** The fetch phase at a glance: pending payloads that are waited for, and until when. */
export function viewFetch(state: RoundState): {
  readonly pending: number;
  readonly deadline: Timestamp;
  /** Whichever payload comes later than this makes the others wait for long. */
  readonly punctualUntil: Timestamp;
} {
  const { timing } = state.config;
  const { fetchedAt, pending, owedGrace } = state.fetches.tally;
  const longest = Math.min(state.phaseAt + timing.fetchMaxMs, leaveBy(state));
  const needed = quorumOf(state, state.fetches.size);
  if (fetchedAt.length < needed) return { pending, deadline: longest, punctualUntil: NEVER };
  const quorumAt = fetchedAt[needed - 1] ?? state.phaseAt;
  const spread = quorumAt - state.phaseAt;
  const grace = Math.max(timing.fetchGraceMs, timing.spreadFactor * spread);
  const punctualUntil = quorumAt + Math.max(spread, tolerance(timing, state.trainingMs, grace));
  const deadline = owedGrace > 0 ? quorumAt + grace : punctualUntil;
  return { pending, deadline: Math.min(longest, deadline), punctualUntil };
}

/** Whether enough payloads arrived in this round for a failure to be the other side's. */
export function hasFetchQuorum(state: RoundState): boolean {
  const { fetchedAt } = state.fetches.tally;
  return fetchedAt.length >= quorumOf(state, state.fetches.size);
}

/** Neighbours whose single announcement for the round is known, in order. */
export function announcers({ neighbours }: RoundState, round: number): readonly PeerId[] {
  return neighbours.peersWhere((neighbour) => hasAnnounced(neighbour, round));
}

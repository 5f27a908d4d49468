import type { PeerId, Standing, Timestamp } from "../../types.ts";
import {
  type Arrival,
  byPeer,
  type FetchState,
  type Neighbour,
  type RoundState,
} from "./round-state.ts";
import { commitGrace, isSupported, supportedAt } from "./support.ts";

/** Training time assumed by a node that has not measured its own, in commit graces. */
const UNMEASURED_PATIENCE = 8;

/** Whether updates of a peer in this standing are fetched at all. */
export function isUsable(standing: Standing): boolean {
  return standing === "full" || standing === "reduced";
}

/** Whether the neighbour announced one, and only one, payload for the round. */
export function hasAnnounced(neighbour: Neighbour, round: number): boolean {
  return neighbour.arrivals.get(round)?.equivocated === false;
}

/**
 * Whether the round may have to wait for this neighbour. It need not for one that is out of standing, that was given
 * up as silent, or that is past this round without an announcement for it.
 */
function isExpected(state: RoundState, neighbour: Neighbour, arrival?: Arrival): boolean {
  if (!isUsable(neighbour.standing)) return false;
  if (arrival !== undefined) return !arrival.equivocated;
  return (
    neighbour.newestRound < state.round &&
    neighbour.silentRounds < state.config.timing.silentRoundsMax
  );
}

/** Arrivals from others that, with this node, make a quorum of `expected` others and this node. */
function quorumOf(state: RoundState, expected: number): number {
  const { quorumShare, startShare } = state.config.timing;
  const share = state.round === 0 ? Math.max(quorumShare, startShare) : quorumShare;
  return Math.max(1, Math.floor(share * (expected + 1)));
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
}

/** Whether there are neighbours to wait for, and none of them has been heard of in this round or a later one. */
function isAlone(state: RoundState): boolean {
  let others = 0;
  for (const neighbour of state.neighbours.values) {
    if (!isUsable(neighbour.standing)) continue;
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
      ? isUsable(neighbour.standing)
      : !neighbour.arrivals.has(state.round) && isExpected(state, neighbour);
  return [...state.neighbours].flatMap(([peer, neighbour]) => (isAwaited(neighbour) ? [peer] : []));
}

/** How much the commit phase waits for, and until when, as of what has arrived. */
export function viewCommit(state: RoundState): CommitView {
  const { timing, attackersMax } = state.config;
  const arrivedAt: number[] = [];
  let missing = 0;
  for (const neighbour of state.neighbours.values) {
    const arrival = neighbour.arrivals.get(state.round);
    if (!isExpected(state, neighbour, arrival)) continue;
    if (arrival === undefined) missing += 1;
    else arrivedAt.push(arrival.at);
  }
  if (isAlone(state)) {
    missing = awaitedAnnouncers(state).length;
    return { missing, quorum: false, deadline: Number.POSITIVE_INFINITY };
  }
  const needed = quorumOf(state, missing + arrivedAt.length);
  const longest = state.phaseAt + timing.commitMaxMs;
  const leaveAt = leaveBy(state);
  if (arrivedAt.length < needed) {
    // A run begins with enough of its members, however long that takes; whoever is late to a run under way catches up.
    if (state.round === 0 && !isSupported(state, 1)) {
      return { missing, quorum: false, deadline: Number.POSITIVE_INFINITY };
    }
    const patience =
      state.trainingMs === null
        ? UNMEASURED_PATIENCE * timing.commitGraceMs
        : Math.max(2 * timing.commitGraceMs, timing.patienceFactor * state.trainingMs);
    const deadline = Math.min(longest, state.phaseAt + patience, leaveAt);
    return { missing, quorum: false, deadline };
  }
  // The spread is that of the others, for a node may have waited long before anybody was there. It leaves out the b
  // earliest: announcing before training must not stretch everyone's wait.
  const times = Float64Array.from(arrivedAt).sort();
  const quorumAt = times[needed - 1] ?? state.phaseAt;
  const firstAt = times[Math.min(attackersMax, needed - 1)] ?? quorumAt;
  const grace = Math.max(commitGrace(state), timing.spreadFactor * (quorumAt - firstAt));
  const deadline = Math.min(longest, Math.max(quorumAt, state.phaseAt) + grace, leaveAt);
  return { missing, quorum: true, deadline };
}

/**
 * Whether the fetch phase waits for this neighbour. One that fails to serve is waited for again only after 0, 1, 2,
 * 4, 8, … failures in a row. So withholding costs everyone a vanishing share of the rounds.
 */
export function isServiceAwaited({ unservedRounds: failures }: Neighbour): boolean {
  return (failures & (failures - 1)) === 0;
}

/** Whose payload the fetch phase waits for, in order. */
export function awaitedServers(state: RoundState): readonly PeerId[] {
  return [...state.fetches].flatMap(([peer, fetch]) => (isPending(fetch) ? [peer] : []));
}

/** The fetch phase at a glance: pending payloads that are waited for, and until when. */
export function viewFetch(state: RoundState): {
  readonly pending: number;
  readonly deadline: Timestamp;
} {
  const { timing } = state.config;
  const fetchedAt: number[] = [];
  let pending = 0;
  for (const fetch of state.fetches.values) {
    if (fetch.result === "fetched") fetchedAt.push(fetch.at);
    else if (isPending(fetch)) pending += 1;
  }
  const longest = Math.min(state.phaseAt + timing.fetchMaxMs, leaveBy(state));
  const needed = quorumOf(state, state.fetches.size);
  if (fetchedAt.length < needed) return { pending, deadline: longest };
  const quorumAt = Float64Array.from(fetchedAt).sort()[needed - 1] ?? state.phaseAt;
  const spread = quorumAt - state.phaseAt;
  const grace = Math.max(timing.fetchGraceMs, timing.spreadFactor * spread);
  return { pending, deadline: Math.min(longest, quorumAt + grace) };
}

function isPending(fetch: FetchState): boolean {
  return fetch.result === "pending" && fetch.isAwaited;
}

/** Whether enough payloads arrived in this round for a failure to be the other side's. */
export function hasFetchQuorum(state: RoundState): boolean {
  let fetched = 0;
  for (const fetch of state.fetches.values) if (fetch.result === "fetched") fetched += 1;
  return fetched >= quorumOf(state, state.fetches.size);
}

/** Neighbours whose single announcement for the current round is known, sorted. */
export function announcers(state: RoundState): readonly PeerId[] {
  return [...state.neighbours]
    .filter(([, neighbour]) => hasAnnounced(neighbour, state.round))
    .map(([peer]) => peer)
    .sort(byPeer);
}

import type { Digest, PeerId, Standing, Timestamp } from "../../types.ts";
import { changed } from "./ascending.ts";
import type { RoundTiming } from "./config.ts";
import { type Patience, waitFor } from "./patience.ts";
import { PeerTable } from "./peer-table.ts";

/** What one neighbour announced for one round. */
export interface Arrival {
  readonly round: number;
  readonly payload: Digest;
  readonly payloadBytes: number;
  readonly at: Timestamp;
  /** Two payloads for one round: nothing of that round is used. */
  readonly equivocated: boolean;
}

/** What the step remembers of one neighbour. */
export interface Neighbour {
  /** Whether it is one in this round: those of other rounds are heard, and have no part. */
  readonly isMember: boolean;
  readonly standing: Standing;
  /** Whether it has said goodbye: nobody waits for it until it is there again. */
  readonly hasLeft: boolean;
  /** Newest round it announced; -1 before the first. */
  readonly newestRound: number;
  /** How it keeps others waiting for announcements, and for payloads. */
  readonly announcing: Patience;
  readonly serving: Patience;
  /** One for a round. So few that looking through them costs less than a map that is copied for every new one. */
  readonly arrivals: readonly Arrival[];
}

/** Whether updates of a peer in this standing are fetched at all. */
export function isUsable(standing: Standing): boolean {
  return standing === "full" || standing === "reduced";
}

/** Whether the neighbour has a part in this round. */
export function takesPart({ isMember, standing }: Neighbour): boolean {
  return isMember && isUsable(standing);
}

/** Whether the neighbour helps to settle what honest ones do. */
export function hasVoice({ isMember, standing }: Neighbour): boolean {
  return isMember && standing === "full";
}

/** What the neighbour announced for the round. */
export function arrivalOf({ arrivals }: Neighbour, round: number): Arrival | undefined {
  return arrivals.find((arrival) => arrival.round === round);
}

/** Whether the neighbour announced one, and only one, payload for the round. */
export function hasAnnounced(neighbour: Neighbour, round: number): boolean {
  return arrivalOf(neighbour, round)?.equivocated === false;
}

/**
 * Whether the round has to wait for this neighbour's announcement. It need not for one that is out of standing, that
 * was waited for in vain before, or that is past this round without an announcement for it.
 */
export function isAwaited(neighbour: Neighbour, round: number, timing: RoundTiming): boolean {
  return (
    takesPart(neighbour) &&
    !neighbour.hasLeft &&
    neighbour.newestRound < round &&
    arrivalOf(neighbour, round) === undefined &&
    waitFor(neighbour.announcing, timing) !== "none"
  );
}

/** What is counted over the neighbours for one round. */
export interface NeighbourTally {
  readonly round: number;
  readonly timing: RoundTiming;
  /** Those that take part, and of these those that have been heard of in this round or a later one. */
  readonly others: number;
  readonly heard: number;
  /** When those that take part announced one payload for the round, ascending. */
  readonly arrivedAt: readonly Timestamp[];
  /** Those whose announcement is waited for, and of these those that are owed the whole grace. */
  readonly missing: number;
  readonly owedGrace: number;
  /** Those in full standing, and of these those that have announced the next round or a later one, or the one after. */
  readonly voices: number;
  readonly ahead: number;
  readonly farAhead: number;
}

export type NeighbourTable = PeerTable<Neighbour, NeighbourTally>;

export function neighbourTable(
  entries: Iterable<readonly [PeerId, Neighbour]>,
  round: number,
  timing: RoundTiming,
): NeighbourTable {
  return PeerTable.of(entries, nobody(round, timing), count);
}

/** The tally of no neighbours. */
export function nobody(round: number, timing: RoundTiming): NeighbourTally {
  const counts = { others: 0, heard: 0, missing: 0, owedGrace: 0 };
  return { round, timing, ...counts, arrivedAt: [], voices: 0, ahead: 0, farAhead: 0 };
}

// --- internal ---

function count(tally: NeighbourTally, neighbour: Neighbour, by: 1 | -1): NeighbourTally {
  const { round, timing } = tally;
  const { newestRound } = neighbour;
  const add = (so: number, isSuch: boolean): number => (isSuch ? so + by : so);
  const hasPart = takesPart(neighbour);
  const hasVote = hasVoice(neighbour);
  const arrival = hasPart ? arrivalOf(neighbour, round) : undefined;
  const isMissing = isAwaited(neighbour, round, timing);
  const isOwedGrace = isMissing && waitFor(neighbour.announcing, timing) === "grace";
  return {
    round,
    timing,
    others: add(tally.others, hasPart),
    heard: add(tally.heard, hasPart && newestRound >= round),
    arrivedAt:
      arrival?.equivocated === false ? changed(tally.arrivedAt, arrival.at, by) : tally.arrivedAt,
    missing: add(tally.missing, isMissing),
    owedGrace: add(tally.owedGrace, isOwedGrace),
    voices: add(tally.voices, hasVote),
    ahead: add(tally.ahead, hasVote && newestRound > round),
    farAhead: add(tally.farAhead, hasVote && newestRound > round + 1),
  };
}

import type { Timestamp } from "../../types.ts";
import type { RoundState } from "./round-state.ts";

/**
 * The newest round that an honest neighbour must have announced: the (b+1)-th highest over distinct neighbours of full
 * standing, so that b liars cannot fast-forward this node (hivemind takes the maximum of all reports instead).
 *
 * @returns -1 when fewer than b+1 of them have announced anything
 */
export function supportedRound(state: RoundState): number {
  const newest: number[] = [];
  for (const [, neighbour] of state.neighbours) {
    if (neighbour.standing === "full") newest.push(neighbour.newestRound);
  }
  newest.sort((a, b) => b - a);
  return newest[state.config.attackersMax] ?? -1;
}

/** When the (b+1)-th neighbour of full standing announced the round; null when that is not known. */
export function supportedAt(state: RoundState, round: number): Timestamp | null {
  const times: number[] = [];
  for (const [, neighbour] of state.neighbours) {
    const arrival = neighbour.arrivals.get(round);
    if (neighbour.standing === "full" && arrival !== undefined) times.push(arrival.at);
  }
  return times.sort((a, b) => a - b)[state.config.attackersMax] ?? null;
}

/** Least grace for announcements after a quorum: longer rounds differ by more. */
export function commitGrace(state: RoundState): number {
  const { commitGraceMs, graceShare } = state.config.timing;
  return Math.max(commitGraceMs, graceShare * (state.trainingMs ?? 0));
}

import type { Timestamp } from "../../types.ts";
import type { RoundState } from "./round-state.ts";

/**
 * Voices of neighbours in full standing that settle what honest ones do: b+1, and never one alone where there are more, for
 * a b of 0 is a guess and a single announcement of a far round would take this node there.
 */
function voicesNeeded(state: RoundState): number {
  let inFullStanding = 0;
  for (const [, { standing }] of state.neighbours) if (standing === "full") inFullStanding += 1;
  return Math.max(state.config.attackersMax + 1, Math.min(2, inFullStanding));
}

/**
 * The newest round that an honest neighbour must have announced: the highest that enough neighbours of full standing
 * have reached. So liars cannot fast-forward this node. (hivemind takes the maximum of all reports instead.)
 *
 * @returns -1 when too few of them have announced anything
 */
export function supportedRound(state: RoundState): number {
  const newest: number[] = [];
  for (const [, neighbour] of state.neighbours) {
    if (neighbour.standing === "full") newest.push(neighbour.newestRound);
  }
  newest.sort((a, b) => b - a);
  return newest[voicesNeeded(state) - 1] ?? -1;
}

/** When enough neighbours of full standing had announced the round; null when that is not known. */
export function supportedAt(state: RoundState, round: number): Timestamp | null {
  const times: number[] = [];
  for (const [, neighbour] of state.neighbours) {
    const arrival = neighbour.arrivals.get(round);
    if (neighbour.standing === "full" && arrival !== undefined) times.push(arrival.at);
  }
  return times.sort((a, b) => a - b)[voicesNeeded(state) - 1] ?? null;
}

/** Least grace for announcements after a quorum: longer rounds differ by more. */
export function commitGrace(state: RoundState): number {
  const { commitGraceMs, graceShare } = state.config.timing;
  return Math.max(commitGraceMs, graceShare * (state.trainingMs ?? 0));
}

import type { Timestamp } from "../types.ts";
import type { RoundState } from "./round-state.ts";

/**
 * The newest round that an honest neighbour must have announced: the (b+1)-th highest over distinct neighbours of full
 * standing, so that b liars cannot fast-forward this node (hivemind takes the maximum of all reports instead).
 *
 * @returns -1 when fewer than b+1 of them have announced anything
 */
export function supportedRound(state: RoundState): number {
  const newest: number[] = [];
  for (const neighbour of state.neighbours.values()) {
    if (neighbour.standing === "full") newest.push(neighbour.newestRound);
  }
  newest.sort((a, b) => b - a);
  return newest[state.config.attackersMax] ?? -1;
}

/** When the (b+1)-th neighbour of full standing announced the round; null when that is not known. */
function supportedAt(state: RoundState, round: number): Timestamp | null {
  const times: number[] = [];
  for (const neighbour of state.neighbours.values()) {
    const arrival = neighbour.arrivals.get(round);
    if (neighbour.standing === "full" && arrival !== undefined) times.push(arrival.at);
  }
  return times.sort((a, b) => a - b)[state.config.attackersMax] ?? null;
}

/**
 * The round to do after the current one: the next, unless honest neighbours announced it so long ago that this node would
 * finish training for it after their grace. Then the first round that can still be met, at most the one after the newest
 * that honest neighbours announced: the round they are training for now.
 */
export function nextRound(state: RoundState, now: Timestamp): number {
  const { rounds, timing } = state.config;
  const next = state.round + 1;
  const newest = Math.min(supportedRound(state), rounds - 1);
  const doneAt = now + (state.trainingMs ?? 0);
  for (let round = next; round <= newest; round += 1) {
    const since = supportedAt(state, round);
    if (since !== null && doneAt <= since + timing.commitGraceMs) return round;
  }
  return Math.max(next, Math.min(newest + 1, rounds - 1));
}

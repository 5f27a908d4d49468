import type { Timestamp } from "../../types.ts";
import { arrivalOf, hasVoice } from "./neighbours.ts";
import type { RoundState } from "./round-state.ts";

/**
 * Voices of neighbours in full standing that settle what honest ones do: b+1, and never one alone where there are
 * more, for a b of 0 is a guess and a single announcement of a far round would take this node there.
 */
function voicesNeeded(state: RoundState, inFullStanding: number): number {
  return Math.max(state.attackersMax + 1, Math.min(2, inFullStanding));
}

/**
 * The newest round that an honest neighbour must have announced: the highest that enough neighbours of full standing
 * have reached. So liars cannot fast-forward this node. (hivemind takes the maximum of all reports instead.)
 *
 * @returns -1 when too few of them have announced anything
 */
export function supportedRound(state: RoundState): number {
  const newest: number[] = [];
  for (const neighbour of state.neighbours.values) {
    if (hasVoice(neighbour)) newest.push(neighbour.newestRound);
  }
  const ascending = Float64Array.from(newest).sort();
  return ascending.at(-voicesNeeded(state, newest.length)) ?? -1;
}

/** Whether an honest neighbour must have announced a round that is so far ahead of this one, or a later one. */
export function isSupported(state: RoundState, roundsAhead: 1 | 2): boolean {
  const { voices, ahead, farAhead } = state.neighbours.tally;
  return (roundsAhead === 1 ? ahead : farAhead) >= voicesNeeded(state, voices);
}

/** When enough neighbours of full standing had announced the round; null when that is not known. */
export function supportedAt(state: RoundState, round: number): Timestamp | null {
  const times: number[] = [];
  let inFullStanding = 0;
  for (const neighbour of state.neighbours.values) {
    if (!hasVoice(neighbour)) continue;
    inFullStanding += 1;
    const arrival = arrivalOf(neighbour, round);
    if (arrival !== undefined) times.push(arrival.at);
  }
  return Float64Array.from(times).sort()[voicesNeeded(state, inFullStanding) - 1] ?? null;
}

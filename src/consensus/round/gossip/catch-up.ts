import type { Timestamp } from "../../../types.ts";
import type { RoundState } from "../round-state.ts";
import { commitGrace, supportedAt, supportedRound } from "../support.ts";

/**
 * The round to do after the current one: the next, or, for a node that fell behind, the newest that honest neighbours announced.
 * They have closed all before it. Where even that one could not be announced within their grace, it is the round after
 * it, which they are training for now: a node that stayed one round late would never be heard.
 */
export function nextRound(state: RoundState, now: Timestamp): number {
  const next = state.round + 1;
  const newest = supportedRound(state);
  if (newest < next) return next;
  const since = supportedAt(state, newest);
  const inTime = since === null || now + (state.trainingMs ?? 0) <= since + commitGrace(state);
  return Math.max(next, Math.min(inTime ? newest : newest + 1, state.config.rounds - 1));
}

import type { Timestamp } from "../../../types.ts";
import { commitGrace, tolerance } from "../patience.ts";
import type { RoundState } from "../round-state.ts";
import { supportedAt, supportedRound } from "../support.ts";
import { quorumWithoutSelfAt } from "../waiting.ts";

/** Whether honest neighbours have announced a round after the current one. */
export function isBehind(state: RoundState): boolean {
  return supportedRound(state) > state.round;
}

/**
 * The round to do after the current one: the next for a node that keeps up. A node that fell behind goes on at the
 * newest round that honest neighbours announced, for they have closed all rounds before it. If it could not announce
 * even that round within their grace, it goes on at the round after it, which they are training for now. A node that
 * stayed one round late would never be heard; so one that was behind already takes no grace for granted.
 */
export function nextRound(state: RoundState, now: Timestamp): number {
  const next = state.round + 1;
  const newest = supportedRound(state);
  if (newest < next) return next;
  // A few that are ahead of all others wait for a quorum: whoever passed them by would have them pass it by in turn.
  const since = Math.max(
    supportedAt(state, newest) ?? Number.POSITIVE_INFINITY,
    quorumWithoutSelfAt(state, newest),
  );
  const { config, trainingMs, wasBehind } = state;
  const grace = commitGrace(config.timing, trainingMs);
  const given = wasBehind ? tolerance(config.timing, trainingMs, grace) : grace;
  const inTime = now + (trainingMs ?? 0) <= since + given;
  return Math.max(next, Math.min(inTime ? newest : newest + 1, config.rounds - 1));
}

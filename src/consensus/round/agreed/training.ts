import type { AgreedState } from "./agreed-state.ts";
import { type AgreedTurn, clearTimers, setTimer } from "./agreed-turn.ts";
import { reachesQuorum } from "./awaited.ts";

/** Trains for a height. */
export function train(turn: AgreedTurn, round: number): void {
  const { tookMs } = turn.state.training;
  turn.state = {
    ...turn.state,
    training: { phase: "running", round, since: turn.now, tookMs },
  };
  turn.effects.push({ type: "train", round });
}

/** Whether this node can do nothing for the round: its update is announced, and it reaches no quorum. */
export function isIdle(state: AgreedState): boolean {
  const { height, training, phase } = state;
  const isMade = height.payload !== null && training.phase === "done";
  return phase === "running" && isMade && height.concluding === null && !reachesQuorum(state);
}

/** Trains beyond the update that is announced. */
export function trainOn(turn: AgreedTurn): void {
  const { training, head } = turn.state;
  turn.state = { ...turn.state, training: { ...training, phase: "running", since: turn.now } };
  turn.effects.push({ type: "train-on", round: head.height });
}

/** Trains on after a while without a quorum. */
export function reviewIdle(turn: AgreedTurn): void {
  const { config, training, timers } = turn.state;
  if (!isIdle(turn.state)) clearTimers(turn, "idle");
  else if (!timers.has("idle")) {
    const { patienceFactor, commitGraceMs } = config.timing;
    const patience = Math.max(2 * commitGraceMs, patienceFactor * (training.tookMs ?? 0));
    setTimer(turn, "idle", turn.now + patience);
  }
}

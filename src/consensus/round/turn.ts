import type { PeerId, Timestamp } from "../../types.ts";
import type { Effect, TimerName } from "./contract.ts";
import type { Neighbour } from "./neighbours.ts";
import type { Phase, RoundState } from "./round-state.ts";

/** One call of `step` in the making: the state so far and the effects so far. Never leaves the call. */
export interface Turn {
  state: RoundState;
  readonly effects: Effect[];
  readonly now: Timestamp;
}

/** Changes what is remembered of one neighbour; does nothing for strangers. */
export function changeNeighbour(turn: Turn, peer: PeerId, change: Partial<Neighbour>): void {
  const neighbour = turn.state.neighbours.get(peer);
  if (neighbour === undefined) return;
  const neighbours = turn.state.neighbours.with(peer, { ...neighbour, ...change });
  turn.state = { ...turn.state, neighbours };
}

/** Enters a phase now, without a deadline. */
export function enter(turn: Turn, phase: Phase): void {
  turn.state = { ...turn.state, phase, phaseAt: turn.now, deadline: null };
}

/** Sets the deadline of the phase and asks for its timer, unless it is set to this time already; Infinity is none. */
export function setDeadline(turn: Turn, timer: TimerName, deadline: Timestamp): void {
  if (deadline === Number.POSITIVE_INFINITY) {
    turn.state = { ...turn.state, deadline: null };
    return;
  }
  if (turn.state.deadline === deadline) return;
  turn.state = { ...turn.state, deadline };
  turn.effects.push({ type: "start-timer", timer, round: turn.state.round, at: deadline });
}

/** Records behaviour of a peer in the current round. */
export function observe(
  turn: Turn,
  peer: PeerId,
  kind: Extract<Effect, { type: "observe" }>["kind"],
  detail: string,
  round = turn.state.round,
): void {
  turn.effects.push({ type: "observe", round, peer, kind, detail });
}

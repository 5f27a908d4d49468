import type { EvidenceKind, Timestamp } from "../../../types.ts";
import type { AgreedState, HeightState } from "./agreed-state.ts";
import type { AgreedEffect, AgreedTimer } from "./contract.ts";

/** While members train nothing is said that could get lost, but for what ended the height before. */
const QUIET_FACTOR = 5;

/** One call of `stepAgreed` in the making: the state so far and the effects so far. Never leaves the call. */
export interface AgreedTurn {
  state: AgreedState;
  readonly effects: AgreedEffect[];
  readonly now: Timestamp;
}

/** Changes the state. */
export function changeState(turn: AgreedTurn, change: Partial<AgreedState>): void {
  turn.state = { ...turn.state, ...change };
}

/** Changes what is known of the open height. */
export function changeHeight(turn: AgreedTurn, change: Partial<HeightState>): void {
  turn.state = { ...turn.state, height: { ...turn.state.height, ...change } };
}

/** Asks for a timer, unless it is set to this time already. */
export function setTimer(turn: AgreedTurn, timer: AgreedTimer, at: Timestamp): void {
  if (turn.state.timers.get(timer) === at) return;
  turn.state = { ...turn.state, timers: new Map(turn.state.timers).set(timer, at) };
  turn.effects.push({ type: "start-timer", timer, round: turn.state.head.height, at });
}

/**
 * Compares what is known with another member after a while: seldom until somebody has said something of the height,
 * unless this node has to know what it said itself.
 */
export function repeatLater(turn: AgreedTurn): void {
  const { config, height, silence } = turn.state;
  const pauses = height.lists.size === 0 && silence === null ? QUIET_FACTOR : 1;
  setTimer(turn, "repeat", turn.now + pauses * config.timing.repeatMs);
}

/** Forgets timers: when they fire, nothing happens. */
export function clearTimers(turn: AgreedTurn, ...names: readonly AgreedTimer[]): void {
  const timers = new Map(turn.state.timers);
  for (const name of names) timers.delete(name);
  turn.state = { ...turn.state, timers };
}

/** Records behaviour of a member, by its place; of a kind once a height. */
export function observe(turn: AgreedTurn, place: number, kind: EvidenceKind, detail: string): void {
  const { config, head } = turn.state;
  const peer = head.members.peers[place];
  const { accused } = turn.state.height;
  const name = `${place} ${kind}`;
  if (peer === undefined || peer === config.self || accused.has(name)) return;
  changeHeight(turn, { accused: new Set(accused).add(name) });
  turn.effects.push({ type: "observe", round: head.height, peer, kind, detail });
}

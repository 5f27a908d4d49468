import assert from "node:assert/strict";
import type { PeerId, Standing } from "../../../types.ts";
import { type Announced, hear } from "../announcements.ts";
import type { Effect, Event, TimerName } from "../contract.ts";
import type { FetchOutcome } from "../fetches.ts";
import { isUsable } from "../neighbours.ts";
import type { RoundState, RoundView } from "../round-state.ts";
import { changeNeighbour, type Turn } from "../turn.ts";
import { announcers, awaitedAnnouncers, awaitedServers } from "../waiting.ts";
import {
  beginRound,
  closeCommit,
  commitTo,
  finishRound,
  reviewCatchUp,
  reviewCommit,
  reviewFetch,
  startMix,
} from "./phases.ts";

/**
 * The protocol of mode `gossip`: what a node does next, as a pure function.
 *
 * A round trains, announces, waits for announcements (a quorum, then a grace), opens its own payload and fetches the
 * others', mixes what arrived, and goes on. Every state waits for this node's own work or holds a timer, so no peer can
 * block it. A later `start-timer` of the same name replaces an earlier one; a stale timer that fires is harmless.
 *
 * @throws AssertionError when the driver reports work that was not asked for
 */
export function step(state: RoundState, event: Event): readonly [RoundState, readonly Effect[]] {
  const turn: Turn = { state, effects: [], now: event.now };
  handle(turn, event);
  return [turn.state, turn.effects];
}

function handle(turn: Turn, event: Event): void {
  switch (event.type) {
    case "started":
      start(turn);
      break;
    case "trained":
      trained(turn, event);
      break;
    case "announced":
      announced(turn, event);
      break;
    case "fetched":
      settleFetch(turn, event.peer, event.round, { result: "fetched", at: event.now });
      break;
    case "fetch-failed":
      settleFetch(turn, event.peer, event.round, {
        result: "failed",
        reason: event.reason ?? "unreachable",
      });
      break;
    case "timer":
      timer(turn, event.timer, event.round);
      break;
    case "mixed":
      assert.equal(turn.state.phase, "mix", "mixed without being asked to");
      assert.equal(turn.state.round, event.round, "mixed another round");
      finishRound(turn);
      break;
    case "presence":
      changePresence(turn, event.peer, event.isThere);
      break;
    case "standing":
      changeStanding(turn, event.peer, event.standing);
      break;
  }
}

function start(turn: Turn): void {
  if (turn.state.phase !== "idle") return;
  const { payload, round, adopting } = turn.state;
  if (payload !== null && round < turn.state.config.rounds) commitTo(turn, payload);
  else beginRound(turn, round, adopting);
}

function trained(turn: Turn, event: Extract<Event, { type: "trained" }>): void {
  assert.equal(turn.state.phase, "train", "trained without being asked to");
  assert.equal(turn.state.round, event.round, "trained another round");
  turn.state = { ...turn.state, trainingMs: Math.max(0, event.now - turn.state.phaseAt) };
  commitTo(turn, event.payload);
}

function announced(turn: Turn, event: Announced): void {
  hear(turn, event);
  if (turn.state.phase === "commit") reviewCommit(turn);
  else if (turn.state.phase === "fetch") reviewFetch(turn);
}

function settleFetch(turn: Turn, peer: PeerId, round: number, outcome: FetchOutcome): void {
  const { state } = turn;
  if (state.phase !== "fetch" || state.round !== round) return;
  const fetch = state.fetches.get(peer);
  if (fetch?.result !== "pending") return;
  const { wait } = fetch;
  turn.state = { ...state, fetches: state.fetches.with(peer, { ...outcome, wait }) };
  reviewFetch(turn);
}

const UNREACHABLE: FetchOutcome = { result: "failed", reason: "unreachable" };
/** A timer that fires at most this much early counts as on time, for timers are coarse. */
const TIMER_TOLERANCE_MS = 5;

function timer(turn: Turn, name: TimerName, round: number): void {
  const { state } = turn;
  if (state.phase !== name || state.round !== round || state.deadline === null) return;
  if (turn.now + TIMER_TOLERANCE_MS < state.deadline) {
    // This is an older timer, or the clock was set back. Without a new timer the round might wait for ever.
    turn.effects.push({ type: "start-timer", timer: name, round, at: state.deadline });
  } else if (name === "commit") closeCommit(turn);
  else startMix(turn);
}

function changePresence(turn: Turn, peer: PeerId, isThere: boolean): void {
  if (turn.state.neighbours.get(peer)?.hasLeft !== isThere) return;
  changeNeighbour(turn, peer, { hasLeft: !isThere });
  if (turn.state.phase === "commit") reviewCommit(turn);
  // what it did not serve before it left cannot be had
  else if (!isThere) settleFetch(turn, peer, turn.state.round, UNREACHABLE);
}

function changeStanding(turn: Turn, peer: PeerId, standing: Standing): void {
  changeNeighbour(turn, peer, { standing });
  reviewCatchUp(turn);
  if (turn.state.phase === "commit") reviewCommit(turn);
  if (turn.state.phase !== "fetch" || isUsable(standing)) return;
  const fetches = turn.state.fetches.without(peer);
  turn.state = { ...turn.state, fetches };
  reviewFetch(turn);
}

/** What `status` shows: phase, round, whom it waits for and until when. */
export function describe(state: RoundState): RoundView {
  const { round, deadline } = state;
  const phase = state.phase === "idle" ? "train" : state.phase;
  let waitingFor: readonly PeerId[] = [];
  if (phase === "commit") waitingFor = awaitedAnnouncers(state);
  if (phase === "fetch") waitingFor = awaitedServers(state);
  return { phase, round, waitingFor, deadline, announced: announcers(state, round) };
}

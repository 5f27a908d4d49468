import assert from "node:assert/strict";
import { type AgreedState, isOver, ownPlace } from "./agreed-state.ts";
import { type AgreedTurn, changeHeight, clearTimers, repeatLater } from "./agreed-turn.ts";
import {
  awaitCatchUp,
  catchUp,
  certifiedHeight,
  hearAhead,
  hearBehind,
  lookOn,
} from "./catching-up.ts";
import {
  closeFetch,
  hearAnnounced,
  hearAnnouncement,
  open,
  reviewList,
  settleFetch,
  signBallot,
} from "./collecting.ts";
import { openNext, takeChain } from "./concluding.ts";
import type { AgreedEffect, AgreedEvent, AgreedTimer, Link } from "./contract.ts";
import { hearChange } from "./membership/changes.ts";
import { hearDecision } from "./membership/decisions.ts";
import type { Certificate, SignedStatement } from "./messages.ts";
import { changePresence } from "./presence.ts";
import { proposedAmong } from "./proposing.ts";
import { ask, beginAsking, hearAnswer, recognise, withhold } from "./silence.ts";
import { isIdle, reviewIdle, train, trainOn } from "./training.ts";
import { certified, endView, hear, noteComputed, review } from "./voting.ts";

/** Events for each member that are kept until the node has started. */
const WAITING_MAX = 16;
/** A timer that fires at most this much early counts as on time, for timers are coarse. */
const TIMER_TOLERANCE_MS = 5;

/**
 * The protocol of mode `agreed`: what a node does next, as a pure function.
 *
 * A height is one agreement of its own (single-shot Simplex). Members train from one state and announce; each signs a
 * list of whose announcements it holds before any payload is opened, then a ballot of what it holds and thinks sound.
 * Proposers in turn propose a block: a quorum of ballots, the cut that follows from them, and the digest of the state
 * that mixing the cut gives. A quorum of `finalize` ends the height for good.
 *
 * @throws AssertionError when the driver reports work that was not asked for
 */
export function stepAgreed(
  state: AgreedState,
  event: AgreedEvent,
): readonly [AgreedState, readonly AgreedEffect[]] {
  const turn: AgreedTurn = { state, effects: [], now: event.now };
  handle(turn, event);
  withhold(turn);
  return [turn.state, turn.effects];
}

// --- internal ---

function handle(turn: AgreedTurn, event: AgreedEvent): void {
  const { head, height, phase } = turn.state;
  if (phase === "idle" && event.type !== "started" && event.type !== "presence") {
    wait(turn, event);
    return;
  }
  if (height.concluding !== null && isWorkOfHeight(event)) return;
  switch (event.type) {
    case "started":
      if (turn.state.phase === "idle") start(turn, event);
      break;
    case "trained":
      trained(turn, event);
      break;
    case "trained-on":
      trainedOn(turn);
      break;
    case "announced":
      hearAnnounced(turn, event);
      break;
    case "statement":
      hearStatement(turn, event.signed);
      break;
    case "certificate":
      hearCertificate(turn, event.certificate);
      break;
    case "behind":
      hearBehind(turn, event.peer);
      break;
    case "answered":
      hearAnswer(turn, event.peer, event.round);
      break;
    case "decided":
      if ("number" in event.change) hearDecision(turn, event.change);
      else hearChange(turn, event.change);
      break;
    case "fetched":
      settleFetch(turn, event.payload, "fetched");
      review(turn);
      break;
    case "fetch-failed":
      settleFetch(turn, event.payload, event.reason);
      break;
    case "judged":
      if (event.round === head.height) signBallot(turn, event.opinions);
      break;
    case "computed":
      if (event.round === head.height) noteComputed(turn, event.outcome);
      break;
    case "chained":
      takeChain(turn, event.links);
      break;
    case "concluded":
      assert.ok(height.concluding !== null, "concluded without being asked to");
      next(turn, event.links);
      break;
    case "timer":
      timer(turn, event.timer, event.round);
      break;
    case "presence":
      changePresence(turn, event.peer, event.isThere);
      break;
  }
}

/** Before it knows what it said, a node says nothing; what exceeds the bound is told again. */
function wait(turn: AgreedTurn, event: AgreedEvent): void {
  const { waiting, head } = turn.state;
  if (waiting.length >= WAITING_MAX * head.members.peers.length) return;
  turn.state = { ...turn.state, waiting: [...waiting, event] };
}

/** What makes a node say something in a height. */
function isWorkOfHeight({ type }: AgreedEvent): boolean {
  return ["announced", "fetched", "fetch-failed", "judged", "computed"].includes(type);
}

function start(
  turn: AgreedTurn,
  { said, certificates }: Extract<AgreedEvent, { type: "started" }>,
): void {
  const { state } = turn;
  const isDone = isOver(state);
  turn.state = { ...state, phase: isDone ? "done" : "running", waiting: [] };
  if (isDone) {
    turn.effects.push({ type: "finish" });
    return;
  }
  // before the ballots of others' proposals let it propose: not once more where it did
  changeHeight(turn, { proposedIn: proposedAmong(said, turn.state) });
  // what was said comes first: a certificate must not lead to a vote that contradicts it
  for (const signed of said) hearStatement(turn, signed);
  for (const certificate of certificates) hearCertificate(turn, certificate);
  beginAsking(turn);
  if (turn.state.height.concluding === null) begin(turn);
  for (const event of state.waiting) handle(turn, event);
}

/** Begins the open height: trains, unless the update of it is made already. */
function begin(turn: AgreedTurn): void {
  const { head, training, height } = turn.state;
  repeatLater(turn);
  if (ownPlace(turn.state) < 0) return;
  // what is still being trained for an earlier height comes first
  if (height.payload !== null) announce(turn);
  else if (training.phase !== "running") train(turn, head.height);
}

function trained(turn: AgreedTurn, event: Extract<AgreedEvent, { type: "trained" }>): void {
  const { training, head, height, phase } = turn.state;
  assert.equal(training.phase, "running", "trained without being asked to");
  assert.equal(training.round, event.round, "trained another round");
  const isOver = height.concluding !== null || event.round !== head.height;
  const tookMs = isOver ? training.tookMs : Math.max(0, turn.now - training.since);
  turn.state = { ...turn.state, training: { ...training, phase: "done", tookMs } };
  // while its end is being kept, the height after it begins with that
  if (phase === "done" || height.concluding !== null) return;
  if (event.round !== head.height) {
    train(turn, head.height);
    return;
  }
  const payload = {
    place: ownPlace(turn.state),
    payload: event.payload,
    bytes: event.payloadBytes,
  };
  changeHeight(turn, { payload });
  announce(turn);
}

/** More steps are done: the next height has come meanwhile, or a quorum is there, or this node trains on. */
function trainedOn(turn: AgreedTurn): void {
  const { training, head, phase, height } = turn.state;
  assert.equal(training.phase, "running", "trained on without being asked to");
  turn.state = { ...turn.state, training: { ...training, phase: "done" } };
  if (phase === "done") return;
  if (height.payload === null && height.concluding === null) train(turn, head.height);
  else if (isIdle(turn.state)) trainOn(turn);
  else reviewIdle(turn);
}

function announce(turn: AgreedTurn): void {
  const { payload } = turn.state.height;
  assert.ok(payload !== null, "what is announced is made");
  const { height: round } = turn.state.head;
  turn.effects.push({ type: "announce", round, payload: payload.payload });
  hearAnnouncement(turn, payload);
  reviewIdle(turn);
}

function hearStatement(turn: AgreedTurn, signed: SignedStatement): void {
  const { head, places, height, config } = turn.state;
  const { statement } = signed;
  recognise(turn, signed);
  const place = places.get(signed.author);
  if (place === undefined || statement.run !== config.run || turn.state.phase === "done") return;
  if (statement.height > head.height) hearAhead(turn, place, signed);
  else if (statement.height === head.height && statement.parent === head.parent) {
    if (height.concluding === null) hear(turn, place, signed);
  }
}

function hearCertificate(turn: AgreedTurn, certificate: Certificate): void {
  const { head, config, height, phase } = turn.state;
  if (phase === "done" || certificate.run !== config.run) return;
  if (certificate.height > head.height) {
    // a quorum is past this height, whoever tells
    turn.state = { ...turn.state, certifiedAhead: certificate.height };
    awaitCatchUp(turn);
  } else if (certificate.height === head.height && certificate.parent === head.parent) {
    if (height.concluding === null) certified(turn, certificate);
  }
}

/** The height is kept: goes on to the next, with what was said of it before. */
function next(turn: AgreedTurn, links: readonly Link[]): void {
  const { early } = turn.state;
  openNext(turn, links);
  if (turn.state.phase === "done") {
    turn.effects.push({ type: "finish" });
    return;
  }
  begin(turn);
  for (const signed of early) hearStatement(turn, signed);
  if (turn.state.ahead.size > 0 || certifiedHeight(turn.state) !== null) awaitCatchUp(turn);
}

function timer(turn: AgreedTurn, name: AgreedTimer, round: number): void {
  const { head, timers, phase } = turn.state;
  const at = timers.get(name);
  if (phase !== "running" || round !== head.height || at === undefined) return;
  if (turn.state.height.concluding !== null && name !== "repeat") return;
  if (turn.now + TIMER_TOLERANCE_MS < at) {
    turn.effects.push({ type: "start-timer", timer: name, round, at });
    return;
  }
  clearTimers(turn, name);
  fire(turn, name);
}

function fire(turn: AgreedTurn, name: AgreedTimer): void {
  switch (name) {
    case "list":
      reviewList(turn);
      break;
    case "open":
      open(turn);
      break;
    case "fetch":
      closeFetch(turn);
      break;
    case "propose":
      review(turn);
      break;
    case "view":
      endView(turn);
      break;
    case "repeat":
      repeat(turn);
      break;
    case "catch-up":
      catchUp(turn);
      break;
    case "idle":
      if (isIdle(turn.state)) trainOn(turn);
      break;
  }
}

/** Gossip loses messages: what is known of the height is compared with another's, and payloads are asked for again. */
function repeat(turn: AgreedTurn): void {
  const { head } = turn.state;
  turn.effects.push({ type: "exchange", round: head.height, asked: [] });
  repeatLater(turn);
  ask(turn);
  // whoever only looks on hears of no height that it does not know the members of
  if (ownPlace(turn.state) < 0) lookOn(turn);
  review(turn);
}

import type { Digest, PeerId, Timestamp } from "../../../types.ts";
import { type FetchState, fetchTable } from "../fetches.ts";
import {
  type Arrival,
  arrivalOf,
  hasAnnounced,
  type Neighbour,
  nobody,
  takesPart,
} from "../neighbours.ts";
import { waitFor } from "../patience.ts";
import { neighbourhoodAt, type RoundState } from "../round-state.ts";
import { serveCommitted, serveEverybody } from "../serving.ts";
import { isSupported, supportedRound } from "../support.ts";
import { enter, setDeadline, type Turn } from "../turn.ts";
import { awaitedAnnouncers, mayBeClosedFrom, viewCommit, viewFetch } from "../waiting.ts";
import { isBehind, nextRound } from "./catch-up.ts";
import { judgeRound } from "./verdicts.ts";

/** Rounds behind honest neighbours from which a node stops waiting for announcements of its round. */
const ROUNDS_BEHIND = 2;

/** Starts a round, or ends the run: trains for it, or only listens, to take over what the others have. */
export function beginRound(turn: Turn, round: number, adopting = false): void {
  const { state } = turn;
  enterRound(turn, round);
  turn.state = {
    ...turn.state,
    adopting,
    payload: null,
    lastPayload: round === state.round + 1 ? state.payload : null,
    absent: [],
    fetches: fetchTable([]),
    punctualUntil: 0,
    lastPunctualUntil: round === state.round + 1 ? state.punctualUntil : 0,
  };
  if (round >= turn.state.config.rounds) {
    enter(turn, "done");
    turn.effects.push({ type: "finish" });
    return;
  }
  if (adopting) {
    enter(turn, "commit");
    reviewCommit(turn);
    return;
  }
  enter(turn, "train");
  turn.effects.push({ type: "train", round });
}

/** Who takes part may be others from this round on, and what is counted of them is counted for this round. */
function enterRound(turn: Turn, round: number): void {
  const { config } = turn.state;
  const { neighbours: members, attackersMax } = neighbourhoodAt(config, round);
  const taking = new Set(members);
  const neighbours = turn.state.neighbours.map(
    (neighbour, peer) =>
      neighbour.isMember === taking.has(peer)
        ? neighbour
        : { ...neighbour, isMember: taking.has(peer) },
    nobody(round, config.timing),
  );
  turn.state = { ...turn.state, round, attackersMax, neighbours };
}

/** Announces the own payload and begins to wait for those of others. */
export function commitTo(turn: Turn, payload: Digest): void {
  enter(turn, "commit");
  turn.state = { ...turn.state, payload };
  turn.effects.push({ type: "announce", round: turn.state.round, payload });
  reviewCommit(turn);
}

/** Closes the commit phase when all are there or time is up; otherwise sets its deadline. */
export function reviewCommit(turn: Turn): void {
  const view = viewCommit(turn.state);
  const behind = isSupported(turn.state, ROUNDS_BEHIND);
  if (view.missing === 0 || behind || view.deadline <= turn.now) closeCommit(turn);
  else setDeadline(turn, "commit", view.deadline);
}

/** The commit deadline: serves the own payload and fetches what was announced in time. */
export function closeCommit(turn: Turn): void {
  const { state } = turn;
  const { quorum, punctualUntil } = viewCommit(state);
  const behind = isSupported(state, ROUNDS_BEHIND);
  const openFrom = mayBeOpenFrom(state);
  serveCommitted(turn, state.round);
  serveEverybody(turn);
  const fetches: [PeerId, FetchState][] = [];
  for (const [peer, neighbour] of state.neighbours) {
    const arrival = takesPart(neighbour) ? payloadToFetch(state, neighbour) : null;
    if (arrival === null || arrival.at > openFrom) continue;
    fetches.push([
      peer,
      { result: "pending", wait: waitFor(neighbour.serving, state.config.timing) },
    ]);
    const { payload, payloadBytes } = arrival;
    turn.effects.push({ type: "fetch", round: state.round, peer, payload, payloadBytes });
  }
  turn.state = {
    ...state,
    fetches: fetchTable(fetches),
    absent: awaitedAnnouncers(state),
    punctualUntil,
    accusable: quorum && !behind && !state.resumed,
  };
  enter(turn, "fetch");
  reviewFetch(turn);
}

/**
 * From when on the updates of the round may be open to everybody, as the next round may have been closed somewhere: who
 * announced later may have seen them. Of what a node hears when it is back, the order says nothing.
 */
function mayBeOpenFrom(state: RoundState): Timestamp {
  if (state.adopting || state.resumed) return Number.POSITIVE_INFINITY;
  return mayBeClosedFrom(state, state.round + 1);
}

/**
 * What is fetched of a neighbour. A node that only listens has not committed itself: of each neighbour it is served
 * the round before the newest, where that is known.
 */
function payloadToFetch({ round, adopting }: RoundState, neighbour: Neighbour): Arrival | null {
  const of = (which: number) =>
    hasAnnounced(neighbour, which) ? arrivalOf(neighbour, which) : undefined;
  return (adopting ? of(neighbour.newestRound - 1) : undefined) ?? of(round) ?? null;
}

/** Mixes when every payload that is waited for has arrived or failed; otherwise sets the fetch deadline. */
export function reviewFetch(turn: Turn): void {
  const view = viewFetch(turn.state);
  if (view.pending === 0 || view.deadline <= turn.now) startMix(turn);
  else setDeadline(turn, "fetch", view.deadline);
}

/** Ends the fetch phase: what is still pending has failed. */
export function startMix(turn: Turn): void {
  const peers: PeerId[] = [];
  let { fetches } = turn.state;
  for (const [peer, fetch] of fetches) {
    if (fetch.result === "fetched") peers.push(peer);
    if (fetch.result === "pending") {
      fetches = fetches.with(peer, { ...fetch, result: "failed", reason: "timeout" });
    }
  }
  turn.state = { ...turn.state, fetches };
  const { round, adopting } = turn.state;
  if (adopting && peers.length === 0) {
    beginRound(turn, round);
    return;
  }
  enter(turn, "mix");
  turn.effects.push({ type: adopting ? "adopt" : "mix", round, peers });
}

/** Ends the round: says what was seen of each neighbour, keeps a checkpoint, goes on. */
export function finishRound(turn: Turn): void {
  judgeRound(turn);
  const next = nextRound(turn.state, turn.now);
  turn.effects.push({ type: "commit", round: turn.state.round, next });
  const missed = next - turn.state.round - 1;
  const wasBehind = isBehind(turn.state);
  const leftOffAt = missed > 0 ? turn.state.round : null;
  turn.state = { ...turn.state, resumed: false, accusable: false, wasBehind, leftOffAt };
  // What a node has that missed more rounds than it did is worth less to everyone than what the others have.
  beginRound(turn, next, missed > turn.state.round + 1);
}

/**
 * A node that left rounds out to take over what the others have, and has announced nothing since, goes back to where it
 * left off once nobody in standing says any longer that they are that far: whoever said so has lied.
 */
export function reviewCatchUp(turn: Turn): void {
  const { adopting, leftOffAt, round } = turn.state;
  if (!adopting || leftOffAt === null || supportedRound(turn.state) >= round - 1) return;
  beginRound(turn, Math.max(leftOffAt + 1, supportedRound(turn.state)));
}

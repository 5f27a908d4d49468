import type { Digest, EvidenceKind, PeerId, Reason } from "../../../types.ts";
import { PeerTable } from "../peer-table.ts";
import type { FetchState, RoundState } from "../round-state.ts";
import { isSupported } from "../support.ts";
import { changeNeighbour, enter, observe, setDeadline, type Turn } from "../turn.ts";
import {
  awaitedAnnouncers,
  hasAnnounced,
  hasFetchQuorum,
  isServiceAwaited,
  isUsable,
  viewCommit,
  viewFetch,
} from "../waiting.ts";
import { nextRound } from "./catch-up.ts";

/** Rounds behind honest neighbours from which a node stops waiting for announcements of its round. */
const ROUNDS_BEHIND = 2;

/** Starts a round, or ends the run: trains for it, or only listens, to take over what the others have. */
export function beginRound(turn: Turn, round: number, adopting = false): void {
  const fresh = { payload: null, absent: [], fetches: PeerTable.of<FetchState>([]) };
  turn.state = { ...turn.state, ...fresh, round, adopting };
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
  const behind = isSupported(turn.state, turn.state.round + ROUNDS_BEHIND);
  if (view.missing === 0 || behind || view.deadline <= turn.now) closeCommit(turn);
  else setDeadline(turn, "commit", view.deadline);
}

/** The commit deadline: serves the own payload and fetches what was announced in time. */
export function closeCommit(turn: Turn): void {
  const { state } = turn;
  const { quorum } = viewCommit(state);
  const behind = isSupported(state, state.round + ROUNDS_BEHIND);
  if (state.payload !== null) {
    turn.effects.push({ type: "open", round: state.round, payload: state.payload });
  }
  const fetches: [PeerId, FetchState][] = [];
  for (const [peer, neighbour] of state.neighbours) {
    const arrival = neighbour.arrivals.get(state.round);
    if (!(arrival && hasAnnounced(neighbour, state.round) && isUsable(neighbour.standing)))
      continue;
    fetches.push([peer, { result: "pending", isAwaited: isServiceAwaited(neighbour) }]);
    const { payload, payloadBytes } = arrival;
    turn.effects.push({ type: "fetch", round: state.round, peer, payload, payloadBytes });
  }
  turn.state = {
    ...state,
    fetches: PeerTable.of(fetches),
    absent: awaitedAnnouncers(state),
    accusable: quorum && !behind && !state.resumed,
  };
  enter(turn, "fetch");
  reviewFetch(turn);
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
  for (const [peer, { result }] of fetches) {
    if (result === "fetched") peers.push(peer);
    if (result === "pending") fetches = fetches.with(peer, { result: "failed", reason: "timeout" });
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
  judgeServing(turn);
  judgeAbsence(turn);
  turn.effects.push({ type: "commit", round: turn.state.round });
  const next = nextRound(turn.state, turn.now);
  const missed = next - turn.state.round - 1;
  turn.state = { ...turn.state, resumed: false, accusable: false };
  // What a node has that missed more rounds than it did is worth less to everyone than what the others have.
  beginRound(turn, next, missed > turn.state.round + 1);
}

const FAULT_OF_REASON: Partial<Record<Reason, EvidenceKind>> = {
  malformed: "malformed",
  "too-large": "malformed",
  "wrong-shape": "malformed",
  "digest-mismatch": "digest-mismatch",
  "non-finite": "non-finite",
};

function judgeServing(turn: Turn): void {
  const { state } = turn;
  // When most payloads failed, the broken line is probably this node's own.
  const reachable = hasFetchQuorum(state);
  for (const [peer, fetch] of state.fetches) {
    if (fetch.result === "fetched") {
      changeNeighbour(turn, peer, { unservedRounds: 0 });
      observe(turn, peer, "timely", `announced and served round ${state.round} in time`);
    } else if (fetch.result === "failed") {
      judgeFailure(turn, peer, fetch.reason, reachable);
    }
  }
}

function judgeFailure(turn: Turn, peer: PeerId, reason: Reason, reachable: boolean): void {
  const failures = turn.state.neighbours.get(peer)?.unservedRounds ?? 0;
  changeNeighbour(turn, peer, { unservedRounds: failures + 1 });
  const fault = FAULT_OF_REASON[reason];
  const detail = `payload of round ${turn.state.round}: ${reason}`;
  if (fault !== undefined) observe(turn, peer, fault, detail);
  else if (reachable && !turn.state.resumed) observe(turn, peer, "missing", detail);
}

function judgeAbsence(turn: Turn): void {
  const { state } = turn;
  for (const peer of state.absent) {
    const silent = silentRounds(state, peer);
    changeNeighbour(turn, peer, { silentRounds: silent + 1 });
    if (state.accusable)
      observe(turn, peer, "missing", `nothing announced for round ${state.round}`);
  }
}

function silentRounds(state: RoundState, peer: PeerId): number {
  return state.neighbours.get(peer)?.silentRounds ?? 0;
}

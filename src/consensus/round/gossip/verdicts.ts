import type { EvidenceKind, PeerId, Reason } from "../../../types.ts";
import type { FetchState } from "../fetches.ts";
import { arrivalOf, type Neighbour, nobody, takesPart } from "../neighbours.ts";
import { afterMiss, afterPunctualRound, type Patience, waitFor } from "../patience.ts";
import type { RoundState } from "../round-state.ts";
import { observe, type Turn } from "../turn.ts";
import { hasFetchQuorum, viewFetch } from "../waiting.ts";

/** Says at the end of a round what was seen of each neighbour, and for whom the next rounds wait. */
export function judgeRound(turn: Turn): void {
  judgePatience(turn);
  judgeServing(turn);
  judgeAbsence(turn);
}

// --- internal ---

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
  const isReachable = hasFetchQuorum(state);
  for (const [peer, fetch] of state.fetches) {
    if (fetch.result === "fetched") {
      observe(turn, peer, "timely", `announced and served round ${state.round} in time`);
    } else if (fetch.result === "failed") {
      judgeFailure(turn, peer, fetch.reason, isReachable);
    }
  }
}

function judgeFailure(turn: Turn, peer: PeerId, reason: Reason, isReachable: boolean): void {
  if (turn.state.neighbours.get(peer)?.hasLeft === true) return;
  const fault = FAULT_OF_REASON[reason];
  const detail = `payload of round ${turn.state.round}: ${reason}`;
  // It served what it announced, and this node cannot follow it yet.
  if (reason === "other-track") return;
  if (fault !== undefined) observe(turn, peer, fault, detail);
  else if (isReachable && !turn.state.resumed) observe(turn, peer, "missing", detail);
}

function judgeAbsence(turn: Turn): void {
  const { state } = turn;
  if (!state.accusable) return;
  for (const peer of state.absent) {
    observe(turn, peer, "missing", `nothing announced for round ${state.round}`);
  }
}

/** A restarted node, or one that only listens, has not seen enough to judge how long others let it wait. */
function judgePatience(turn: Turn): void {
  const { state } = turn;
  if (state.resumed || state.adopting) return;
  const servedUntil = viewFetch(state).punctualUntil;
  const isReachable = hasFetchQuorum(state);
  const judged = (neighbour: Neighbour, peer: PeerId): Neighbour => {
    if (!takesPart(neighbour)) return neighbour;
    const { announcing, serving, hasLeft } = neighbour;
    const announced = wasAnnouncedInTime(state, neighbour);
    const served = wasServedInTime(hasLeft ? undefined : state.fetches.get(peer), servedUntil);
    return {
      ...neighbour,
      announcing: afterRound(state, announcing, announced, state.accusable),
      serving: afterRound(state, serving, served, isReachable),
    };
  };
  const none = nobody(state.round, state.config.timing);
  turn.state = { ...state, neighbours: state.neighbours.map(judged, none) };
}

function afterRound(
  { config: { timing } }: RoundState,
  patience: Patience,
  wasPunctual: boolean | null,
  isCertain: boolean,
): Patience {
  if (wasPunctual === null) return patience;
  if (wasPunctual) return afterPunctualRound(patience);
  const wasAwaited = waitFor(patience, timing) !== "none";
  return wasAwaited ? afterMiss(patience, timing, isCertain) : patience;
}

/** Whether nobody had to wait long for an announcement; null where that cannot be told. */
function wasAnnouncedInTime(state: RoundState, neighbour: Neighbour): boolean | null {
  const arrival = arrivalOf(neighbour, state.round);
  if (arrival !== undefined) return arrival.at <= state.punctualUntil;
  return neighbour.hasLeft || neighbour.newestRound >= state.round ? null : false;
}

/** Whether nobody had to wait long for a payload; null where that cannot be told. */
function wasServedInTime(fetch: FetchState | undefined, servedUntil: number): boolean | null {
  if (fetch === undefined || fetch.result === "pending") return null;
  return fetch.result === "fetched" && fetch.at <= servedUntil;
}

import type { PeerId } from "../../types.ts";
import type { Event } from "./contract.ts";
import { type Arrival, arrivalOf, type Neighbour } from "./neighbours.ts";
import { afterPunctualRound, waitFor } from "./patience.ts";
import type { RoundState } from "./round-state.ts";
import { serveCommitted } from "./serving.ts";
import { changeNeighbour, observe, type Turn } from "./turn.ts";

export type Announced = Extract<Event, { type: "announced" }>;

/**
 * Takes in an announcement: whenever it comes, for any round of the run. Strangers, this node's own echo and rounds
 * outside the run are passed over. A second, different payload for a round is equivocation.
 */
export function hear(turn: Turn, event: Announced): void {
  const neighbour = turn.state.neighbours.get(event.peer);
  if (neighbour === undefined || !isRoundOfRun(turn.state, event.round)) return;
  const known = arrivalOf(neighbour, event.round);
  if (known !== undefined) {
    if (known.payload !== event.payload && !known.equivocated) equivocate(turn, event, known);
    return;
  }
  const arrival: Arrival = {
    round: event.round,
    payload: event.payload,
    payloadBytes: event.payloadBytes,
    at: turn.now,
    equivocated: false,
  };
  const max = turn.state.config.timing.announcementsMax;
  changeNeighbour(turn, event.peer, {
    hasLeft: false,
    newestRound: Math.max(neighbour.newestRound, event.round),
    arrivals: keepArrival(neighbour, arrival, turn.state.round, max),
  });
  noteLate(turn, event);
  notePunctual(turn, event);
  if (isClosed(turn.state, event.round)) serveCommitted(turn, event.round);
}

/** Whether this node has closed a round of which it still holds its payload. */
function isClosed({ round, phase }: RoundState, of: number): boolean {
  return of === round - 1 || (of === round && (phase === "fetch" || phase === "mix"));
}

function isRoundOfRun(state: RoundState, round: number): boolean {
  return Number.isSafeInteger(round) && round >= 0 && round < state.config.rounds;
}

/** The newest `max` arrivals, and always the one of the current round: announcing ahead must not push it out. */
function keepArrival(
  { arrivals }: Neighbour,
  arrival: Arrival,
  current: number,
  max: number,
): readonly Arrival[] {
  if (arrivals.length < max) return [...arrivals, arrival];
  const rounds = [...arrivals, arrival].map(({ round }) => round);
  const oldest = Math.min(...rounds.filter((round) => round !== current));
  return [...arrivals, arrival].filter(({ round }) => round !== oldest);
}

function equivocate(turn: Turn, event: Announced, known: Arrival): void {
  const neighbour = turn.state.neighbours.get(event.peer);
  if (neighbour === undefined) return;
  const arrivals = neighbour.arrivals.map((arrival) =>
    arrival === known ? { ...known, equivocated: true } : arrival,
  );
  changeNeighbour(turn, event.peer, { arrivals });
  const detail = `announced two payloads for round ${event.round}: ${known.payload} and ${event.payload}`;
  observe(turn, event.peer, "equivocation", detail, event.round);
  if (turn.state.phase === "fetch" && turn.state.round === event.round) {
    const fetches = turn.state.fetches.without(event.peer);
    turn.state = { ...turn.state, fetches };
  }
}

/** A neighbour that was waited for in vain announces after all, before the round is over here. */
function noteLate(turn: Turn, event: Announced): void {
  const { state } = turn;
  if (event.round !== state.round || !state.absent.includes(event.peer)) return;
  const absent: readonly PeerId[] = state.absent.filter((peer) => peer !== event.peer);
  turn.state = { ...state, absent };
  if (state.accusable) {
    observe(turn, event.peer, "late", `announced round ${event.round} after its commit deadline`);
  }
}

/** A neighbour that nobody waited for announces when the round is over, and would have made nobody wait. */
function notePunctual(turn: Turn, { peer, round }: Announced): void {
  const { state, now } = turn;
  const neighbour = state.neighbours.get(peer);
  if (round !== state.round - 1 || now > state.lastPunctualUntil || neighbour === undefined) return;
  if (waitFor(neighbour.announcing, state.config.timing) !== "none") return;
  changeNeighbour(turn, peer, { announcing: afterPunctualRound(neighbour.announcing) });
}

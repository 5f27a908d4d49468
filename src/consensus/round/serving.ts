import type { Turn } from "./turn.ts";
import { announcers } from "./waiting.ts";

/**
 * Serves the own payload of a round that is closed to those who have announced one for it, also to those who did so
 * late. Whoever has not committed itself yet would see it and could announce a copy to those who wait longer.
 */
export function serveCommitted(turn: Turn, round: number): void {
  const { payload, lastPayload, round: current } = turn.state;
  const own = round === current ? payload : lastPayload;
  if (own === null) return;
  turn.effects.push({ type: "open", round, payload: own, to: announcers(turn.state, round) });
}

/** Serves the payload of the round before to everybody: who hears of a copy now has heard of a later round too. */
export function serveEverybody(turn: Turn): void {
  const { lastPayload: payload, round } = turn.state;
  if (payload !== null) turn.effects.push({ type: "open", round: round - 1, payload });
}

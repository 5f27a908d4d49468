import type { PeerId } from "../../../types.ts";
import type { AgreedTurn } from "./agreed-turn.ts";
import { reviewList } from "./collecting.ts";
import { ask } from "./silence.ts";
import { reviewIdle } from "./training.ts";
import { review } from "./voting.ts";

/** A peer has come or gone, which others may be waiting for. */
export function changePresence(turn: AgreedTurn, peer: PeerId, isThere: boolean): void {
  const connected = new Set(turn.state.connected);
  if (isThere) connected.add(peer);
  else connected.delete(peer);
  turn.state = { ...turn.state, connected };
  const place = turn.state.places.get(peer);
  if (place === undefined || turn.state.present.has(place) === isThere) return;
  const present = new Set(turn.state.present);
  if (isThere) present.add(place);
  else present.delete(place);
  turn.state = { ...turn.state, present };
  if (isThere) ask(turn);
  if (turn.state.phase !== "running" || turn.state.height.concluding !== null) return;
  reviewList(turn);
  review(turn);
  reviewIdle(turn);
}

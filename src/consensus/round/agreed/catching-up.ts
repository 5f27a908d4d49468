import type { PeerId } from "../../../types.ts";
import type { AgreedState } from "./agreed-state.ts";
import { type AgreedTurn, setTimer } from "./agreed-turn.ts";
import type { SignedStatement } from "./messages.ts";
import { CATCH_UP_MS } from "./timing.ts";

/** Statements of a member for the next height that are kept until this one ends. */
const EARLY_MAX = 8;

/** Who speaks of a later height has ended this one: what it says is kept, and if need be its chain asked for. */
export function hearAhead(turn: AgreedTurn, place: number, signed: SignedStatement): void {
  const { head, early, ahead } = turn.state;
  const { height } = signed.statement;
  const newest = Math.max(height, ahead.get(place) ?? 0);
  turn.state = { ...turn.state, ahead: new Map(ahead).set(place, newest) };
  const ofAuthor = early.filter(({ author }) => author === signed.author).length;
  if (height === head.height + 1 && ofAuthor < EARLY_MAX) {
    turn.state = { ...turn.state, early: [...early, signed] };
  }
  awaitCatchUp(turn);
}

/** A peer is past this height, and its words cannot be checked here: what it has is asked for a while later. */
export function hearBehind(turn: AgreedTurn, peer: PeerId): void {
  const { head, places, ahead } = turn.state;
  const place = places.get(peer);
  if (place === undefined) return;
  const newest = Math.max(head.height + 1, ahead.get(place) ?? 0);
  turn.state = { ...turn.state, ahead: new Map(ahead).set(place, newest) };
  awaitCatchUp(turn);
}

/** Asks for the chain of others a while later, unless the height ends before. */
export function awaitCatchUp(turn: AgreedTurn): void {
  if (!turn.state.timers.has("catch-up")) setTimer(turn, "catch-up", turn.now + CATCH_UP_MS);
}

/** The newest height that a quorum is known to have ended and this node has not; null while there is none. */
export function certifiedHeight({ certifiedAhead, head, height }: AgreedState): number | null {
  if (certifiedAhead > head.height) return certifiedAhead;
  return height.simplex.final === null ? null : head.height;
}

/** A node that only looks on asks those that are connected for what is final, members first. */
export function lookOn(turn: AgreedTurn): void {
  const { connected, height, places } = turn.state;
  if (height.concluding !== null) return;
  const [members, others] = [true, false].map((isMember) =>
    [...connected].filter((peer) => places.has(peer) === isMember),
  );
  askForChain(turn, [...(members ?? []), ...(others ?? [])]);
}

/** Asks those that are past this height for what ended it, and does so again until it has ended here. */
export function catchUp(turn: AgreedTurn): void {
  const { head, ahead, present, height } = turn.state;
  if (height.concluding !== null) return;
  const later = [...ahead].filter(([, newest]) => newest > head.height).map(([place]) => place);
  const isCertain = certifiedHeight(turn.state) !== null;
  if (later.length === 0 && !isCertain) return;
  const places = isCertain ? [...new Set([...later, ...present])] : later;
  askForChain(
    turn,
    places.map((place) => head.members.peers[place]).filter((peer) => peer !== undefined),
  );
  setTimer(turn, "catch-up", turn.now + 2 * CATCH_UP_MS);
}

// --- internal ---

/** A single liar may tell less than there is, never more: of f + 1 who tell, one is honest. */
function askForChain(turn: AgreedTurn, peers: readonly PeerId[]): void {
  const { head, height } = turn.state;
  // nobody may be connected now who could be asked
  if (peers.length === 0) return;
  const enough = height.simplex.quorum.faulty + 1;
  const upTo = certifiedHeight(turn.state);
  turn.effects.push({ type: "catch-up", round: head.height, peers, enough, upTo });
}

import type { PeerId } from "../../../types.ts";
import type { AgreedState, Silence } from "./agreed-state.ts";
import { type AgreedTurn, changeState } from "./agreed-turn.ts";
import type { AgreedEffect } from "./contract.ts";
import type { Certificate, Said, SignedStatement } from "./messages.ts";
import { viewOf } from "./simplex-state.ts";

/** Begins to ask, once what is on disk has been heard. */
export function beginAsking(turn: AgreedTurn): void {
  const silence: Silence = { answers: new Set(), lack: null, until: null, withheld: [] };
  changeState(turn, { silence });
  review(turn);
  ask(turn);
}

/** Asks the members that are connected and have not answered. */
export function ask(turn: AgreedTurn): void {
  const { silence, head, present } = turn.state;
  if (silence === null || silence.until !== null) return;
  const asked = head.members.peers.filter(
    (peer, place) => present.has(place) && !silence.answers.has(peer),
  );
  if (asked.length > 0) turn.effects.push({ type: "exchange", round: head.height, asked });
}

/** A member has told all that it holds of a height that it is in itself. */
export function hearAnswer(turn: AgreedTurn, peer: PeerId, round: number): void {
  const { silence, head, places, height } = turn.state;
  // a height that is over says nothing of the next one, where the node may have been already
  const isOver = height.simplex.final !== null || height.concluding !== null;
  if (silence === null || silence.until !== null || isOver) return;
  if (round !== head.height || !places.has(peer)) return;
  changeState(turn, { silence: { ...silence, answers: new Set(silence.answers).add(peer) } });
  review(turn);
}

/** Something that this node has signed comes back while it is silent. */
export function recognise(turn: AgreedTurn, signed: Omit<SignedStatement, "signature">): void {
  const { statement, author } = signed;
  const { config, height, head } = turn.state;
  if (author !== config.self || statement.height < head.height) return;
  const place = turn.state.places.get(author) ?? -1;
  const isKnown = statement.height === head.height && said(height, place, statement) !== undefined;
  if (!isKnown) note(turn, statement);
}

/** The same of a signature of its own in a certificate. */
export function recogniseIn(turn: AgreedTurn, certificate: Certificate): void {
  const { places, config } = turn.state;
  const { run, height, parent, vote: kind, view, block, signatures } = certificate;
  const own = places.get(config.self);
  if (height !== turn.state.head.height || !signatures.some(({ place }) => place === own)) return;
  const statement = { run, height, parent, kind, view, block };
  recognise(turn, { author: config.self, statement });
}

/** The same of an announcement. */
export function recogniseAnnounced(turn: AgreedTurn, round: number, payload: string): void {
  const { head, height } = turn.state;
  const isKnown = round === head.height && payload === height.payload?.payload;
  if (round >= head.height && !isKnown) note(turn, { kind: "announcement", height: round });
}

/** Another height is open: it is asked about anew, and signed in again from the promised one on. */
export function reopen(turn: AgreedTurn): void {
  const { silence, head } = turn.state;
  if (silence === null) return;
  const isOver = silence.until !== null && head.height >= silence.until;
  const anew = { ...silence, answers: new Set<PeerId>(), withheld: [] };
  changeState(turn, { silence: isOver ? null : anew });
  ask(turn);
}

/** Keeps back what is to be said while the node is silent: others hear nothing that is signed. */
export function withhold(turn: AgreedTurn): void {
  const { silence } = turn.state;
  if (silence === null) return;
  const said = turn.effects.filter(isSaid);
  if (said.length === 0) return;
  const others = turn.effects.filter((effect) => !isSaid(effect));
  turn.effects.splice(0, turn.effects.length, ...others);
  if (silence.until === null) {
    changeState(turn, { silence: { ...silence, withheld: [...silence.withheld, ...said] } });
  }
}

// --- internal ---

/**
 * As many answers as make a quorum with this node. A lost disk counts as one of f liars: then one of these members is
 * honest and has finalized the height below the newest that this node has signed anything in, which is thus the one of
 * the answers, or the next.
 */
function review(turn: AgreedTurn): void {
  const { silence, height, head } = turn.state;
  if (silence === null || silence.answers.size < height.simplex.quorum.size - 1) return;
  if (silence.lack === null) {
    changeState(turn, { silence: null });
    turn.effects.push(...silence.withheld);
  } else {
    changeState(turn, { silence: { ...silence, until: head.height + 2, withheld: [] } });
  }
}

function note(turn: AgreedTurn, { kind, height }: Pick<Said, "kind" | "height">): void {
  const { silence } = turn.state;
  if (silence === null || silence.lack !== null) return;
  changeState(turn, { silence: { ...silence, lack: { kind, height } } });
}

/** What a member is known to have said, in place of a statement. */
function said(
  { lists, ballots, proposals, simplex }: AgreedState["height"],
  place: number,
  statement: SignedStatement["statement"],
): unknown {
  switch (statement.kind) {
    case "list":
      return lists.get(place);
    case "ballot":
      return ballots.get(place);
    case "proposal":
      return proposals.get(statement.view);
    default:
      return viewOf(simplex, statement.view)[statement.kind].get(place);
  }
}

function isSaid({ type }: AgreedEffect): boolean {
  return type === "announce" || type === "send" || type === "propose";
}

import assert from "node:assert/strict";
import type { Digest, Timestamp } from "../../../types.ts";
import type { Certificate, Proposal, SignedStatement, Vote, VoteKind } from "./messages.ts";
import {
  type BlockVote,
  isJustified,
  type OwnVotes,
  proposerOf,
  type SimplexState,
  VIEWS_AHEAD,
  type ViewState,
  viewOf,
  withView,
} from "./simplex-state.ts";

/** What the agreement on a height asks for. */
export type SimplexEffect =
  /** Sign, keep on disk, and only then send. */
  | { readonly type: "send"; readonly statement: Vote }
  /** Keep on disk before anything else is done. */
  | { readonly type: "keep"; readonly certificate: Certificate }
  | { readonly type: "accuse"; readonly place: number; readonly detail: string };

/** One call in the making: the state so far and the effects so far. */
export interface SimplexTurn {
  simplex: SimplexState;
  readonly asked: SimplexEffect[];
  readonly now: Timestamp;
}

/** The height is voted on from now on; before, votes are heard only. */
export function beginVoting(turn: SimplexTurn): void {
  if (turn.simplex.viewAt === null) turn.simplex = { ...turn.simplex, viewAt: turn.now };
}

/** Hears a vote, also the node's own. */
export function hearVote(turn: SimplexTurn, place: number, vote: SignedStatement<Vote>): void {
  const { statement, signature } = vote;
  if (turn.simplex.final !== null || isTooFarAhead(turn.simplex, place, statement.view)) return;
  if (place === turn.simplex.self) remember(turn, statement);
  const { view, kind, block } = statement;
  const before = viewOf(turn.simplex, view);
  accuseOfTwo(turn, place, statement, before);
  if (before[kind].has(place)) return;
  if (kind === "nullify") {
    const nullify = new Map(before.nullify).set(place, signature);
    turn.simplex = withView(turn.simplex, view, { nullify });
  } else {
    assert.ok(block !== null, "a vote for a block names it");
    const votes = new Map(before[kind]).set(place, { block, signature });
    turn.simplex = withView(turn.simplex, view, { [kind]: votes });
  }
  const certificate = certify(turn.simplex, view, kind, block);
  if (certificate !== null) hearCertificate(turn, certificate);
}

/** Hears a certificate that was checked, or is made of votes that were. */
export function hearCertificate(turn: SimplexTurn, certificate: Certificate): void {
  const { view, vote, block } = certificate;
  const { simplex } = turn;
  if (simplex.final !== null) return;
  if (vote === "finalize") {
    turn.asked.push({ type: "keep", certificate });
    turn.simplex = { ...simplex, final: certificate };
    return;
  }
  const known = vote === "notarize" ? "notarisation" : "nullification";
  if (viewOf(simplex, view)[known] !== null) return;
  turn.asked.push({ type: "keep", certificate });
  turn.simplex = withView(simplex, view, { [known]: certificate });
  if (vote === "notarize" && block !== null) finalize(turn, view, block);
  if (view >= turn.simplex.view) enterView(turn, view + 1);
}

/**
 * Hears what a view's proposer proposes; the first proposal of a view counts.
 *
 * @returns whether it is the one that counts
 */
export function hearProposal(turn: SimplexTurn, place: number, proposal: Proposal): boolean {
  const { view, block, confirms } = proposal;
  if (place !== proposerOf(turn.simplex, view)) return false;
  if (isTooFarAhead(turn.simplex, place, view)) return false;
  const earlier = viewOf(turn.simplex, view).proposal;
  if (earlier === null) {
    turn.simplex = withView(turn.simplex, view, { proposal: { block, confirms } });
    return true;
  }
  if (earlier.block !== block) accuse(turn, place, `two proposals in view ${view}`);
  return earlier.block === block;
}

/** The block that this node could notarize now: proposed in its view, and justified; null when there is none. */
export function candidate(simplex: SimplexState): ViewState["proposal"] {
  const { proposal, own } = viewOf(simplex, simplex.view);
  const isVoting = simplex.self >= 0 && simplex.viewAt !== null && simplex.final === null;
  if (!isVoting || own.notarized !== null || proposal === null) return null;
  return isJustified(simplex, simplex.view, proposal) ? proposal : null;
}

/** Votes for the block that was proposed in the view, which has been checked. */
export function notarize(turn: SimplexTurn, block: Digest): void {
  const { simplex } = turn;
  const { view } = simplex;
  assert.equal(candidate(simplex)?.block, block, "what is notarized is the candidate");
  say(turn, "notarize", view, block);
}

/** Votes to end the view without a block, unless a block may have been finalized with this node's vote. */
export function nullify(turn: SimplexTurn): void {
  const { simplex } = turn;
  const { own } = viewOf(simplex, simplex.view);
  if (simplex.final !== null || own.nullified || own.finalized !== null) return;
  say(turn, "nullify", simplex.view, null);
}

/** Others than this node that notarized a block in a view. */
export function notarizers(simplex: SimplexState, view: number, block: Digest): number {
  const { notarize: votes } = viewOf(simplex, view);
  return [...votes].filter(([place, vote]) => place !== simplex.self && vote.block === block)
    .length;
}

// --- internal ---

/** A node that starts again begins in view 0: what it said itself counts in whatever view. */
function isTooFarAhead({ self, view: own }: SimplexState, place: number, view: number): boolean {
  return place !== self && view > own + VIEWS_AHEAD;
}

function finalize(turn: SimplexTurn, view: number, block: Digest): void {
  const { own } = viewOf(turn.simplex, view);
  if (own.nullified || own.finalized !== null) return;
  say(turn, "finalize", view, block);
}

function enterView(turn: SimplexTurn, view: number): void {
  turn.simplex = { ...turn.simplex, view, viewAt: turn.now };
}

/** A member that only looks on, or is not voting yet, says nothing. */
function say(turn: SimplexTurn, kind: VoteKind, view: number, block: Digest | null): void {
  const { name, self } = turn.simplex;
  if (self < 0) return;
  const vote: Vote = { ...name, kind, view, block };
  remember(turn, vote);
  turn.asked.push({ type: "send", statement: vote });
}

function remember(turn: SimplexTurn, { kind, view, block }: Vote): void {
  const { own } = viewOf(turn.simplex, view);
  const said: Record<VoteKind, Partial<OwnVotes>> = {
    notarize: { notarized: own.notarized ?? block },
    nullify: { nullified: true },
    finalize: { finalized: own.finalized ?? block },
  };
  turn.simplex = withView(turn.simplex, view, { own: { ...own, ...said[kind] } });
}

/** What a member's votes in a view prove of it. To notarize and to nullify is right; so is to finalize what others did. */
function accuseOfTwo(turn: SimplexTurn, place: number, vote: Vote, before: ViewState): void {
  const { kind, view, block } = vote;
  if (kind !== "nullify") {
    const earlier = before[kind].get(place);
    if (earlier !== undefined && earlier.block !== block) {
      accuse(turn, place, `two votes to ${kind} in view ${view}`);
    }
  }
  const hasBoth =
    (kind === "finalize" && before.nullify.has(place)) ||
    (kind === "nullify" && before.finalize.has(place));
  if (hasBoth) accuse(turn, place, `votes to finalize and to nullify view ${view}`);
}

function accuse(turn: SimplexTurn, place: number, detail: string): void {
  turn.asked.push({ type: "accuse", place, detail });
}

const NO_VOTES: ReadonlyMap<number, BlockVote> = new Map();

/** The certificate that the votes of a view make; null when they are too few. */
function certify(
  { name, quorum, views }: SimplexState,
  view: number,
  vote: VoteKind,
  block: Digest | null,
): Certificate | null {
  const votes: ReadonlyMap<number, BlockVote | Uint8Array> = views.get(view)?.[vote] ?? NO_VOTES;
  if (votes.size < quorum.size) return null;
  const signatures = [...votes].flatMap(([place, each]) => {
    if (each instanceof Uint8Array) return [{ place, signature: each }];
    return each.block === block ? [{ place, signature: each.signature }] : [];
  });
  if (signatures.length < quorum.size) return null;
  const sorted = signatures.sort((a, b) => a.place - b.place);
  return { ...name, kind: "certificate", vote, view, block, signatures: sorted };
}

import type { Digest, PeerId } from "../../../types.ts";
import { type AgreedState, bytesOfPayload, type CheckedBlock, NO_WORK } from "./agreed-state.ts";
import { type AgreedTurn, changeHeight, clearTimers, observe, setTimer } from "./agreed-turn.ts";
import { checked, cutKey, cutShares } from "./blocks.ts";
import { fetchMissing, hearBallot, hearList } from "./collecting.ts";
import { conclude } from "./concluding.ts";
import type { Computed } from "./contract.ts";
import { ballotsHolding } from "./cut.ts";
import { rollbackOf } from "./membership/decided.ts";
import { adopt, compare, votesOf } from "./membership/evidence.ts";
import type {
  Block,
  Certificate,
  HeldPayload,
  Proposal,
  SignedStatement,
  Statement,
  Vote,
} from "./messages.ts";
import { reviewProposal } from "./proposing.ts";
import { recognise, recogniseIn } from "./silence.ts";
import {
  beginVoting,
  candidate,
  hearCertificate,
  hearProposal,
  hearVote,
  notarize,
  notarizers,
  nullify,
  type SimplexTurn,
} from "./simplex.ts";
import { viewOf } from "./simplex-state.ts";
import { FETCH_RATE, VIEW_MAX_MS } from "./timing.ts";
import { viewEnd } from "./view-time.ts";

/** Hears a statement about the open height, from the member at a place. */
export function hear(turn: AgreedTurn, place: number, signed: SignedStatement): void {
  const { statement } = signed;
  switch (statement.kind) {
    case "list":
      hearList(turn, place, narrowed(signed, statement));
      break;
    case "ballot":
      hearBallot(turn, place, narrowed(signed, statement));
      reviewVoting(turn);
      break;
    case "proposal":
      hearProposed(turn, place, narrowed(signed, statement));
      break;
    default: {
      const heard: SignedStatement<Vote> = narrowed(signed, statement);
      compare(turn, place, heard, votesOf(turn.state.height.simplex, place, statement.view));
      vote(turn, (simplex) => hearVote(simplex, place, heard));
    }
  }
}

/** Hears a certificate for the open height. */
export function certified(turn: AgreedTurn, certificate: Certificate): void {
  recogniseIn(turn, certificate);
  vote(turn, (simplex) => hearCertificate(simplex, certificate));
}

/** Begins to vote once a quorum of ballots is there, and does what the view asks of this node. */
export function reviewVoting(turn: AgreedTurn): void {
  const { ballots, simplex } = turn.state.height;
  if (simplex.viewAt === null && ballots.size < simplex.quorum.size) return;
  vote(turn, beginVoting);
}

/** The time of the view is over. */
export function endView(turn: AgreedTurn): void {
  vote(turn, nullify);
}

/** What the updates of a cut mix to is known. */
export function noteComputed(turn: AgreedTurn, outcome: Computed): void {
  const { computed, work } = turn.state.height;
  changeHeight(turn, {
    computed: new Map(computed).set(cutKey(outcome.cut, outcome.rollback ?? null), outcome),
  });
  const mixingMs = turn.now - (work.mixingSince ?? turn.now);
  turn.state = { ...turn.state, mixingMs };
  review(turn);
}

/** Votes for what is proposed, or proposes, as soon as that can be done. */
export function review(turn: AgreedTurn): void {
  if (turn.state.height.concluding !== null) return;
  reviewCandidate(turn);
  reviewProposal(turn, (cut, block) => settle(turn, cut, block));
}

// --- internal ---

/** Acts upon the agreement of the height, and does what follows. */
function vote(turn: AgreedTurn, act: (simplex: SimplexTurn) => void): void {
  const { view, viewAt } = turn.state.height.simplex;
  agree(turn, act);
  const { simplex } = turn.state.height;
  if (viewAt === null && simplex.viewAt !== null) changeHeight(turn, { votingAt: turn.now });
  if (simplex.view !== view) {
    clearTimers(turn, "propose");
    const hasBlock = viewOf(simplex, view).notarisation !== null;
    const { work } = turn.state.height;
    const ownMs = work.ms + (work.since === null ? 0 : turn.now - work.since);
    if (hasBlock && viewAt !== null) changeHeight(turn, { viewTook: turn.now - viewAt - ownMs });
    changeHeight(turn, { work: NO_WORK });
  }
  if (simplex.final !== null) {
    conclude(turn);
    return;
  }
  const end = viewEnd(turn.state);
  if (simplex.viewAt !== null && end > turn.now) setTimer(turn, "view", end);
  review(turn);
}

/** Runs one transition of the agreement; its effects are this node's. */
function agree(turn: AgreedTurn, act: (simplex: SimplexTurn) => void): void {
  const inner: SimplexTurn = { simplex: turn.state.height.simplex, asked: [], now: turn.now };
  act(inner);
  changeHeight(turn, { simplex: inner.simplex });
  for (const effect of inner.asked) {
    if (effect.type === "accuse") observe(turn, effect.place, "equivocation", effect.detail);
    else if (effect.type === "keep") turn.effects.push({ type: "keep", kept: effect.certificate });
    else turn.effects.push(effect);
  }
}

function hearProposed(turn: AgreedTurn, place: number, signed: SignedStatement<Proposal>): void {
  const proposal = signed.statement;
  const { body, block, view } = proposal;
  const earlier = turn.state.height.proposals.get(view);
  if (earlier?.author === signed.author) compare(turn, place, signed, [earlier]);
  let counts = false;
  agree(turn, (simplex) => {
    counts = hearProposal(simplex, place, proposal);
  });
  if (!counts) return;
  const { proposals } = turn.state.height;
  changeHeight(turn, { proposals: new Map(proposals).set(view, proposals.get(view) ?? signed) });
  if (body !== null) takeBody(turn, block, body, view);
  const { simplex, proposedIn } = turn.state.height;
  if (place === simplex.self) changeHeight(turn, { proposedIn: Math.max(proposedIn, view) });
  reviewVoting(turn);
}

/** The ballots of a block are as good as if they had come by themselves. */
function takeBody(turn: AgreedTurn, digest: Digest, body: Block, view: number): void {
  const { bodies } = turn.state.height;
  if (bodies.has(digest)) return;
  const known = checked(body, turn.state);
  changeHeight(turn, { bodies: new Map(bodies).set(digest, known) });
  if (known.fault !== null) return;
  adopt(turn, body.evidence);
  const { run } = turn.state.config;
  const { peers } = turn.state.head.members;
  for (const { place, opinions, held, signature } of body.ballots) {
    const name = { run, height: body.height, parent: body.parent, kind: "ballot" as const };
    const author = peers[place] as PeerId;
    const ballot = { author, signature, statement: { ...name, opinions, held } };
    recognise(turn, ballot);
    hearBallot(turn, place, ballot);
  }
  extend(turn, view, missingBytes(turn.state, known.cut));
}

/** Work that a block makes is no delay of its proposer's: it adds to the time of one view, within bounds. */
function extend(turn: AgreedTurn, view: number, bytes: number): void {
  if (turn.state.height.extension !== null) return;
  const ms = Math.min(VIEW_MAX_MS, turn.state.mixingMs + (1000 * bytes) / FETCH_RATE);
  changeHeight(turn, { extension: { view, ms } });
}

/** What is not in the cut is not fetched for a block, whatever else its ballots hold. */
function missingBytes(state: AgreedState, cut: readonly HeldPayload[]): number {
  const missing = cut.filter(({ payload }) => state.height.fetches.get(payload) !== "fetched");
  return missing.length * bytesOfPayload(state);
}

function reviewCandidate(turn: AgreedTurn): void {
  const { simplex, bodies } = turn.state.height;
  const proposed = candidate(simplex);
  if (proposed === null) return;
  const body = bodies.get(proposed.block);
  if (proposed.confirms !== null) vote(turn, (each) => notarize(each, proposed.block));
  else if (body !== undefined) reviewFresh(turn, body, proposed.block);
}

function reviewFresh(
  turn: AgreedTurn,
  { block: body, fault, cut }: CheckedBlock,
  block: Digest,
): void {
  const { simplex } = turn.state.height;
  if (fault !== null) {
    if (!viewOf(simplex, simplex.view).own.nullified) vote(turn, nullify);
    return;
  }
  const outcome = settle(turn, cut, body);
  if (outcome === null) return;
  const isSame = outcome.checkpoint === body.checkpoint && outcome.norm === body.norm;
  // some honest member computed it: a node with odd arithmetic must not stop the run
  const others = notarizers(simplex, simplex.view, block);
  if (!isSame && others <= simplex.quorum.faulty) return;
  keepProposal(turn);
  vote(turn, (each) => notarize(each, block));
}

/** The block that is voted for; the own proposal is on disk. */
function keepProposal(turn: AgreedTurn): void {
  const { proposals, simplex } = turn.state.height;
  const signed = proposals.get(simplex.view);
  if (signed === undefined || signed.author === turn.state.config.self) return;
  turn.effects.push({ type: "keep", kept: signed });
}

/** What a cut mixes to, when that is known; otherwise has it fetched and mixed. An empty cut changes nothing. */
function settle(
  turn: AgreedTurn,
  cut: readonly HeldPayload[],
  { ballots, decision }: Pick<Block, "ballots" | "decision">,
): Computed | null {
  const { head, height } = turn.state;
  const rollback = rollbackOf({ decision });
  const key = cutKey(cut, rollback);
  if (cut.length === 0 && rollback === null)
    return { cut, checkpoint: head.checkpoint, norm: head.norm };
  const known = height.computed.get(key);
  if (known !== undefined && known !== "pending") return endWork(turn, known);
  if (height.work.since === null) changeHeight(turn, { work: { ...height.work, since: turn.now } });
  if (known === "pending") return null;
  const holdersOf = (wanted: HeldPayload) =>
    ballotsHolding(ballots, wanted).map(({ place }) => place);
  fetchMissing(turn, cut, holdersOf);
  const { fetches, computed, work } = turn.state.height;
  if (!cut.every(({ payload }) => fetches.get(payload) === "fetched")) return null;
  changeHeight(turn, {
    computed: new Map(computed).set(key, "pending"),
    work: { ...work, mixingSince: turn.now },
  });
  const shares = cutShares(turn.state, cut);
  turn.effects.push({ type: "compute", round: head.height, cut, shares, rollback });
  return null;
}

/** Own work is no delay of a proposer's. */
function endWork(turn: AgreedTurn, outcome: Computed): Computed {
  const { work } = turn.state.height;
  if (work.since !== null) {
    const ms = work.ms + turn.now - work.since;
    changeHeight(turn, { work: { since: null, mixingSince: null, ms } });
  }
  return outcome;
}

function narrowed<S extends Statement>(
  { author, signature }: SignedStatement,
  statement: S,
): SignedStatement<S> {
  return { author, signature, statement };
}

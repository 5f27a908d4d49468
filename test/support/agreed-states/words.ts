import type { SignedStatement } from "../../../src/consensus/index.ts";
import type { Vote } from "../../../src/consensus/round/agreed/messages.ts";
import type { SimplexEffect } from "../../../src/consensus/round/agreed/simplex.ts";
import {
  createSimplex,
  type OwnVotes,
  type SimplexState,
  withView,
} from "../../../src/consensus/round/agreed/simplex-state.ts";

/** Four members: three are honest, the last one may sign anything and show it to whomever it likes. */
export const HONEST = [0, 1, 2] as const;
export const LIAR = 3;
/** Views that are explored; whoever leaves the last one is parked behind it. */
export const VIEWS = 2;
/** Two blocks may be fit to end the height. */
export const BLOCKS = ["A", "B"] as const;
export type BlockIndex = 0 | 1;

const RUN = "0".repeat(64);
const NAME = { run: RUN, height: 0, parent: RUN };

/** What a member may say in a view, as bits; first to notarize A or B, to nullify, to finalize A or B. */
export const VOTES: readonly Pick<Vote, "kind" | "block">[] = [
  { kind: "notarize", block: "A" },
  { kind: "notarize", block: "B" },
  { kind: "nullify", block: null },
  { kind: "finalize", block: "A" },
  { kind: "finalize", block: "B" },
];
export const NULLIFY = 2;
export const FINALIZE = 3;
/** Certificates of a view as bits: notarisations of A and B, nullification. */
export const CERTIFICATES = [0, 1, NULLIFY] as const;

/** An honest member: what others may hold of it, what it knows that it said, its view, and certificates it acted on. */
export interface MemberState {
  readonly sent: number;
  readonly disk: number;
  readonly view: number;
  readonly held: number;
}

/** The bit of a vote in a view, among the votes of a member. */
export function voteBit(view: number, vote: number): number {
  return 1 << (VOTES.length * view + vote);
}

/** The bit of a certificate of a view, among certificates. */
export function certificateBit(view: number, vote: number): number {
  return 1 << (CERTIFICATES.length * view + vote);
}

/** The real state of an agreement, of a member that knows nothing but what it said. */
export function simplexOf(
  self: number,
  turns: readonly number[],
  { disk, view }: Pick<MemberState, "disk" | "view">,
): SimplexState {
  const blank: SimplexState = { ...createSimplex(NAME, { self, turns }), view, viewAt: 0 };
  return Array.from({ length: VIEWS }, (_, each) => each).reduce(
    (simplex, each) => withView(simplex, each, { own: ownVotes(disk, each) }),
    blank,
  );
}

/** A vote of a member, signed as far as that matters here: one object each, there are few. */
export function signedVote(place: number, view: number, vote: number): SignedStatement<Vote> {
  const id = (place * SHARED_VIEWS + view) * VOTES.length + vote;
  const signed = signedVotes[id] ?? newVote(place, view, vote);
  signedVotes[id] = signed;
  return signed;
}

/** What a member has said and acted upon, from the effects of the real functions. */
export function told(asked: readonly SimplexEffect[]): {
  readonly sent: number;
  readonly held: number;
} {
  let [sent, held] = [0, 0];
  for (const effect of asked) {
    if (effect.type === "send") sent |= voteBit(effect.statement.view, indexOf(effect.statement));
    if (effect.type === "keep" && effect.certificate.vote !== "finalize") {
      const { vote: kind, block, view } = effect.certificate;
      held |= certificateBit(view, indexOf({ kind, block }));
    }
  }
  return { sent, held };
}

/** What was proposed in a view, by the one whose turn it is. */
export function proposalOf(view: number, block: BlockIndex, confirms: number | null) {
  return { ...NAME, kind: "proposal", view, block: BLOCKS[block], body: null, confirms } as const;
}

/** A certificate, by what it says. */
export function certificateOf(view: number, vote: number) {
  const { kind, block } = VOTES[vote] as (typeof VOTES)[number];
  return { ...NAME, kind: "certificate", vote: kind, view, block, signatures: [] } as const;
}

// --- internal ---

const NO_SIGNATURE = new Uint8Array();
/** More views than are ever played. */
const SHARED_VIEWS = 64;
const signedVotes: SignedStatement<Vote>[] = [];

function newVote(place: number, view: number, vote: number): SignedStatement<Vote> {
  const { kind, block } = VOTES[vote] as (typeof VOTES)[number];
  return {
    ...{ author: String(place), signature: NO_SIGNATURE },
    statement: { ...NAME, kind, view, block },
  };
}

function indexOf(vote: Pick<Vote, "kind" | "block">): number {
  return VOTES.findIndex(({ kind, block }) => kind === vote.kind && block === vote.block);
}

function ownVotes(disk: number, view: number): OwnVotes {
  const blockOf = (first: number) =>
    BLOCKS.find((_, i) => (disk & voteBit(view, first + i)) !== 0) ?? null;
  return {
    notarized: blockOf(0),
    nullified: (disk & voteBit(view, NULLIFY)) !== 0,
    finalized: blockOf(FINALIZE),
  };
}

import type { Digest, Timestamp } from "../../../types.ts";
import type { Certificate, HeightName } from "./messages.ts";
import { type Quorum, quorumOf } from "./quorum.ts";

/** A vote for a block, as it was signed. */
export interface BlockVote {
  readonly block: Digest;
  readonly signature: Uint8Array;
}

/** What this node has said in a view. What is once said is never unsaid. */
export interface OwnVotes {
  readonly notarized: Digest | null;
  readonly nullified: boolean;
  readonly finalized: Digest | null;
}

/** What is known of one view; of each member the first vote of a kind counts. */
export interface ViewState {
  readonly proposal: ProposedBlock | null;
  readonly notarize: ReadonlyMap<number, BlockVote>;
  readonly nullify: ReadonlyMap<number, Uint8Array>;
  readonly finalize: ReadonlyMap<number, BlockVote>;
  readonly notarisation: Certificate | null;
  readonly nullification: Certificate | null;
  readonly own: OwnVotes;
}

/** The first proposal of a view's proposer. */
export interface ProposedBlock {
  readonly block: Digest;
  readonly confirms: number | null;
}

/**
 * The agreement on one height: single-shot Simplex (Chan and Pass, TCC 2023). Readonly data; members are places in the
 * roster.
 */
export interface SimplexState {
  readonly name: HeightName;
  readonly quorum: Quorum;
  /** The node's own place; -1 of one that only looks on. */
  readonly self: number;
  /** Places by turn: who proposes in view v is the one at (height + v) modulo members. */
  readonly turns: readonly number[];
  readonly view: number;
  /** When the view was entered; null before the height is voted on. */
  readonly viewAt: Timestamp | null;
  readonly views: ReadonlyMap<number, ViewState>;
  /** What ended the height. */
  readonly final: Certificate | null;
}

/** Views ahead of the own one whose votes are kept; whoever is further behind is helped by certificates. */
export const VIEWS_AHEAD = 8;

const UNHEARD: ViewState = {
  proposal: null,
  notarize: new Map(),
  nullify: new Map(),
  finalize: new Map(),
  notarisation: null,
  nullification: null,
  own: { notarized: null, nullified: false, finalized: null },
};

/** An agreement that nobody has said anything in. */
export function createSimplex(
  name: HeightName,
  { self, turns }: Pick<SimplexState, "self" | "turns">,
): SimplexState {
  const quorum = quorumOf(turns.length);
  return { name, quorum, self, turns, view: 0, viewAt: null, views: new Map(), final: null };
}

export function viewOf(state: SimplexState, view: number): ViewState {
  return state.views.get(view) ?? UNHEARD;
}

/** The state with something else known of a view. */
export function withView(
  state: SimplexState,
  view: number,
  change: Partial<ViewState>,
): SimplexState {
  const views = new Map(state.views).set(view, { ...viewOf(state, view), ...change });
  return { ...state, views };
}

/** Who proposes in a view, by place. */
export function proposerOf({ turns, name }: SimplexState, view: number): number {
  return turns[(name.height + view) % turns.length] as number;
}

/** Whether every view from one on, below another, is nullified. */
export function areNullified(state: SimplexState, from: number, below: number): boolean {
  for (let view = from; view < below; view += 1) {
    if (viewOf(state, view).nullification === null) return false;
  }
  return true;
}

/** The highest view below one that has notarised a block, with its block; null when there is none. */
export function highestNotarised(
  state: SimplexState,
  below: number,
): { readonly view: number; readonly block: Digest } | null {
  for (let view = below - 1; view >= 0; view -= 1) {
    const block = viewOf(state, view).notarisation?.block;
    if (block != null) return { view, block };
  }
  return null;
}

/**
 * Whether the certificates that are known let this be proposed in a view: a fresh block when every view below is
 * nullified; a block that a view notarised when every view between is.
 */
export function isJustified(
  state: SimplexState,
  view: number,
  { block, confirms }: ProposedBlock,
): boolean {
  if (confirms === null) return areNullified(state, 0, view);
  if (confirms >= view) return false;
  return (
    viewOf(state, confirms).notarisation?.block === block && areNullified(state, confirms + 1, view)
  );
}

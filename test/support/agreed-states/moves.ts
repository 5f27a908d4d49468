import {
  candidate,
  hearProposal,
  hearVote,
  notarize,
  nullify,
  type SimplexTurn,
} from "../../../src/consensus/round/agreed/simplex.ts";
import {
  areNullified,
  highestNotarised,
  type SimplexState,
} from "../../../src/consensus/round/agreed/simplex-state.ts";
import {
  BLOCKS,
  type BlockIndex,
  HONEST,
  LIAR,
  type MemberState,
  proposalOf,
  signedVote,
  simplexOf,
  told,
  VIEWS,
  VOTES,
  voteBit,
} from "./words.ts";

/** What a member does: what it says more, the certificates that it acts on, its view then, and a block it proposes. */
export interface Deed {
  readonly sent: number;
  readonly held: number;
  readonly view: number;
  readonly proposed: BlockIndex | null;
}

/** Votes that make a certificate, if they are enough: of whom among the honest ones, by bits; the liar gives its own. */
export interface Heard {
  readonly view: number;
  readonly vote: number;
  readonly voters: number;
}

/**
 * What honest members may do, by calls of the real functions. A member may forget what it heard: it hears it again
 * wherever it acts on it. So a deed follows from few things, and is looked up when they come again.
 */
export class Moves {
  readonly turns: readonly number[];
  readonly #nullified = new Map<number, Deed | null>();
  readonly #certified = new Map<number, Deed | null>();
  readonly #notarized = new Map<number, Deed | null>();
  readonly #proposed = new Map<number, readonly Deed[]>();
  readonly #finals = new Map<number, boolean>();
  readonly #guilty = new Map<number, boolean>();

  /** @param turns - Places in the order in which they propose. */
  constructor(turns: readonly number[]) {
    this.turns = turns;
  }

  /** The time of its view is over. */
  nullify(who: number, member: MemberState): Deed | null {
    return lookup(this.#nullified, idOf(who, member), () =>
      this.#deed(who, member, null, (turn) => nullify(turn)),
    );
  }

  /** It hears votes, which may make a certificate. */
  hear(who: number, member: MemberState, heard: Heard): Deed | null {
    return lookup(this.#certified, idOf(who, member, ...bitsOf(heard)), () =>
      this.#deed(who, member, heard, () => undefined),
    );
  }

  /** It hears a proposal for its view, and what may justify it. */
  notarize(
    who: number,
    member: MemberState,
    heard: Heard | null,
    [block, confirms]: readonly [BlockIndex, number | null],
  ): Deed | null {
    const rest = [...bitsOf(heard), [block, 1], [confirms === null ? 0 : confirms + 1, 2]] as const;
    return lookup(this.#notarized, idOf(who, member, ...rest), () =>
      this.#deed(who, member, heard, (turn) => {
        const leader = this.leader(member.view);
        hearProposal(turn, leader, proposalOf(member.view, block, confirms));
        if (candidate(turn.simplex) !== null) notarize(turn, BLOCKS[block]);
      }),
    );
  }

  /** What it may propose in its view, where that is its turn, after it has heard these votes. */
  propose(who: number, member: MemberState, heard: Heard | null): readonly Deed[] {
    return lookup(this.#proposed, idOf(who, member, ...bitsOf(heard)), () => {
      const turn = this.#after(who, member, heard);
      return choices(turn.simplex).map((proposed) => ({ ...deedOf(turn), proposed }));
    });
  }

  leader(view: number): number {
    return this.turns[view % this.turns.length] as number;
  }

  /** Whether anyone may come to hold that a block is final, by the votes of a view. */
  mayBeFinal(heard: Heard): boolean {
    return lookup(this.#finals, idOf(0, NOBODY, ...bitsOf(heard)), () => {
      const looking = simplexOf(-1, this.turns, { disk: 0, view: 0 });
      const turn: SimplexTurn = { simplex: looking, asked: [], now: 0 };
      hearAll(turn, heard);
      return turn.simplex.final !== null;
    });
  }

  /** Whether anyone who holds all that a member sent accuses it. */
  looksGuilty(sent: number): boolean {
    return lookup(this.#guilty, sent, () => {
      const looking = simplexOf(-1, this.turns, { disk: 0, view: 0 });
      const turn: SimplexTurn = { simplex: looking, asked: [], now: 0 };
      for (let view = 0; view < VIEWS; view += 1) {
        for (const vote of VOTES.keys()) {
          if ((sent & voteBit(view, vote)) !== 0) hearVote(turn, 0, signedVote(0, view, vote));
        }
      }
      return turn.asked.some(({ type }) => type === "accuse");
    });
  }

  // --- internal ---

  #after(who: number, member: MemberState, heard: Heard | null): SimplexTurn {
    const turn: SimplexTurn = { simplex: simplexOf(who, this.turns, member), asked: [], now: 0 };
    if (heard !== null) hearAll(turn, heard);
    return turn;
  }

  /** Null where nothing comes of it. */
  #deed(
    who: number,
    member: MemberState,
    heard: Heard | null,
    act: (turn: SimplexTurn) => void,
  ): Deed | null {
    const turn = this.#after(who, member, heard);
    act(turn);
    const deed = deedOf(turn);
    return deed.sent === 0 && deed.held === 0 && deed.view === member.view ? null : deed;
  }
}

/** The blocks that an honest proposer may propose, by the certificates that it has: any, or the one that it confirms. */
export function choices(simplex: SimplexState): readonly BlockIndex[] {
  const { view } = simplex;
  const notarised = highestNotarised(simplex, view);
  if (notarised === null) return areNullified(simplex, 0, view) ? [0, 1] : [];
  if (!areNullified(simplex, notarised.view + 1, view)) return [];
  return [notarised.block === BLOCKS[0] ? 0 : 1];
}

// --- internal ---

const NOBODY: MemberState = { sent: 0, disk: 0, view: 0, held: 0 };

function hearAll(turn: SimplexTurn, { view, vote, voters }: Heard): void {
  for (const place of HONEST) {
    if ((voters & (1 << place)) !== 0) hearVote(turn, place, signedVote(place, view, vote));
  }
  hearVote(turn, LIAR, signedVote(LIAR, view, vote));
}

function deedOf({ asked, simplex }: SimplexTurn): Deed {
  return { ...told(asked), view: Math.min(simplex.view, VIEWS), proposed: null };
}

/** One number for what a deed follows from; each part with its width in bits. */
function idOf(
  who: number,
  { disk, view }: MemberState,
  ...parts: readonly (readonly [number, number])[]
): number {
  const head = [
    [who, 2],
    [disk, VOTES.length * VIEWS],
    [view, 2],
  ] as const;
  return [...head, ...parts].reduce((id, [value, bits]) => (id << bits) | value, 1);
}

function bitsOf(heard: Heard | null): readonly (readonly [number, number])[] {
  if (heard === null) return [[0, 8]];
  const { view, vote, voters } = heard;
  return [
    [1, 1],
    [view, 1],
    [vote, 3],
    [voters, 3],
  ];
}

function lookup<T>(known: Map<number, T>, id: number, make: () => T): T {
  const before = known.get(id);
  if (before !== undefined) return before;
  const made = make();
  known.set(id, made);
  return made;
}

import {
  candidate,
  hearCertificate,
  hearProposal,
  hearVote,
  notarize,
  nullify,
  type SimplexTurn,
} from "../../../src/consensus/round/agreed/simplex.ts";
import {
  isJustified,
  type SimplexState,
  viewOf,
} from "../../../src/consensus/round/agreed/simplex-state.ts";
import { choices } from "./moves.ts";
import {
  BLOCKS,
  type BlockIndex,
  CERTIFICATES,
  certificateBit,
  certificateOf,
  FINALIZE,
  HONEST,
  LIAR,
  type MemberState,
  NULLIFY,
  proposalOf,
  signedVote,
  simplexOf,
  VIEWS,
  VOTES,
} from "./words.ts";

/** Where honest members are once they have told one another all that they hold. */
interface Shared {
  /** The certificates of each view below the one under way. */
  readonly known: readonly number[];
  /** What each member has said in the view under way, and what its proposer, if honest, has proposed. */
  readonly said: readonly number[];
  readonly proposed: BlockIndex | null;
}

/** How a view ended: with a final block, or with certificates; with none of these somebody waits for ever. */
interface Outcome {
  readonly isFinal: boolean;
  readonly certificates: number;
}

type Offer = { readonly block: BlockIndex; readonly confirms: number | null } | null;

const NAMES: readonly (string | null)[] = BLOCKS;
/** Nobody waits for so many views: it is for ever. */
const FOR_EVER = 8;

/**
 * After the network heals: honest members share all they hold, timers are long enough, and the liar does its worst. By
 * the real functions.
 */
export class Healing {
  readonly #turns: readonly number[];
  readonly #begun = new Map<string, number>();
  readonly #played = new Map<string, number>();
  readonly #ends = new Map<string, readonly Outcome[]>();

  /** @param turns - Places in the order in which they propose. */
  constructor(turns: readonly number[]) {
    this.#turns = turns;
  }

  /** Views until a block is final, at most; infinite when somebody waits for ever. */
  viewsToFinal(members: readonly MemberState[], proposed: readonly (BlockIndex | null)[]): number {
    const held = members.reduce((bits, member) => bits | member.held, 0);
    const id = `${held} ${members.map(({ disk, view }) => [disk, view])} ${proposed}`;
    return remembered(this.#begun, id, () => {
      const turns = members.map((each, who) => turnOf(simplexOf(who, this.#turns, each)));
      for (let view = 0; view < VIEWS; view += 1) {
        hearKnown(turns, view, held >> (CERTIFICATES.length * view));
      }
      for (let view = 0; view < VIEWS; view += 1) share(turns, view);
      const [first] = turns;
      if (first === undefined || isFinal(turns)) return 0;
      const { view } = first.simplex;
      if (turns.some(({ simplex }) => simplex.view !== view)) return Number.POSITIVE_INFINITY;
      const known = Array.from({ length: view }, (_, each) => certificatesIn(turns, each));
      const said = turns.map(({ simplex }) => saidIn(simplex, view));
      return this.#play({ known, said, proposed: proposed[view] ?? null }, 0);
    });
  }

  // --- internal ---

  #play(shared: Shared, played: number): number {
    if (played > FOR_EVER) return Number.POSITIVE_INFINITY;
    const id = JSON.stringify([shared, played]);
    return remembered(this.#played, id, () => {
      const ends = this.#endsOf(shared).map((end) => {
        if (end.isFinal) return played + 1;
        if (end.certificates === 0) return Number.POSITIVE_INFINITY;
        const known = [...shared.known, end.certificates];
        return this.#play({ known, said: HONEST.map(() => 0), proposed: null }, played + 1);
      });
      return Math.max(...ends);
    });
  }

  /** All that a view can end in, by what the liar does. */
  #endsOf(shared: Shared): readonly Outcome[] {
    return remembered(this.#ends, JSON.stringify(shared), () => {
      const ends = new Map<string, Outcome>();
      for (const offers of this.#offers(shared)) {
        const voted = this.#voted(shared, offers);
        for (const group of this.#groups(shared.known.length, voted)) {
          const end = closed(voted, shared.known.length, group);
          ends.set(JSON.stringify(end), end);
        }
      }
      return [...ends.values()];
    });
  }

  #leader(view: number): number {
    return this.#turns[view % this.#turns.length] as number;
  }

  /** What each member may be shown as the proposal of the view. */
  #offers(shared: Shared): readonly (readonly Offer[])[] {
    const view = shared.known.length;
    const [first] = this.#members(shared);
    if (first === undefined) return [];
    const fit = fitting(first.simplex);
    const leader = this.#leader(view);
    if (leader === LIAR) return ofEach([null, ...fit]);
    const own = [0, 1].find((block) => ((shared.said[leader] ?? 0) & (1 << block)) !== 0);
    const before = shared.proposed ?? own ?? null;
    const blocks = before === null ? choices(first.simplex) : [before];
    if (blocks.length === 0) return [HONEST.map(() => null)];
    return blocks.map((block) => {
      const offer = fit.find((each) => each?.block === block) ?? null;
      return HONEST.map(() => offer);
    });
  }

  /** The members, after each has notarized what it is shown, where it may. */
  #voted(shared: Shared, offers: readonly Offer[]): readonly SimplexState[] {
    const view = shared.known.length;
    return this.#members(shared).map((turn, who) => {
      const offer = offers[who] ?? null;
      if (offer === null) return turn.simplex;
      hearProposal(turn, this.#leader(view), proposalOf(view, offer.block, offer.confirms));
      if (candidate(turn.simplex) !== null) notarize(turn, BLOCKS[offer.block]);
      return turn.simplex;
    });
  }

  /** Whom a notarisation may reach before the timer: all, under an honest proposer; under the liar any of them. */
  #groups(view: number, voted: readonly SimplexState[]): readonly number[] {
    const isWhole = certificatesAmong(voted, view, false) !== 0;
    if (certificatesAmong(voted, view, true) === 0) return [0];
    return isWhole && this.#leader(view) !== LIAR ? [7] : [...Array(8).keys()];
  }

  /** The members as they enter the view. */
  #members({ known, said }: Shared): readonly SimplexTurn[] {
    const view = known.length;
    const turns = HONEST.map((who) => turnOf(simplexOf(who, this.#turns, { disk: 0, view: 0 })));
    for (const [each, certificates] of known.entries()) hearKnown(turns, each, certificates);
    for (const [who, turn] of turns.entries()) {
      for (const vote of votesAmong(said[who] ?? 0))
        hearVote(turn, who, signedVote(who, view, vote));
    }
    return turns;
  }
}

// --- internal ---

/**
 * The end of a view: those of a group hold the notarisation in time, with the liar's vote if it takes that; the others'
 * timers end; then all is shared.
 */
function closed(voted: readonly SimplexState[], view: number, group: number): Outcome {
  const turns = voted.map((simplex) => turnOf(simplex));
  const said = voted.map((simplex) => saidIn(simplex, view));
  for (const [who, turn] of turns.entries()) {
    if ((group & (1 << who)) !== 0) hearAll(turn, view, said, true);
    if (turn.simplex.view === view) nullify(turn);
  }
  hearKnown(turns, view, certificatesIn(turns, view));
  share(turns, view);
  return { isFinal: isFinal(turns), certificates: certificatesIn(turns, view) };
}

/** Honest members tell one another what they said in a view, until nothing new comes of it. */
function share(turns: readonly SimplexTurn[], view: number): void {
  for (let round = 0; round < 2; round += 1) {
    const said = turns.map(({ simplex }) => saidIn(simplex, view));
    for (const turn of turns) hearAll(turn, view, said, false);
    hearKnown(turns, view, certificatesIn(turns, view));
  }
}

/** Hears what honest members said in a view; and what the liar says to notarize. */
function hearAll(turn: SimplexTurn, view: number, said: readonly number[], isLying: boolean): void {
  for (const [who, bits] of said.entries()) {
    for (const vote of votesAmong(bits)) hearVote(turn, who, signedVote(who, view, vote));
  }
  if (!isLying) return;
  const most = [0, 1].find((vote) => votersAmong(said, vote) + 1 >= turn.simplex.quorum.size);
  if (most !== undefined) hearVote(turn, LIAR, signedVote(LIAR, view, most));
}

function hearKnown(turns: readonly SimplexTurn[], view: number, certificates: number): void {
  for (const vote of CERTIFICATES) {
    if ((certificates & certificateBit(0, vote)) === 0) continue;
    for (const turn of turns) hearCertificate(turn, certificateOf(view, vote));
  }
}

/** The proposals of its view that a member would vote for. */
function fitting(simplex: SimplexState): readonly Offer[] {
  const { view } = simplex;
  const all = ([0, 1] as const).flatMap((block) =>
    [null, ...Array(view).keys()].map((confirms) => ({ block, confirms })),
  );
  const fit = all.filter(({ block, confirms }) =>
    isJustified(simplex, view, { block: BLOCKS[block], confirms }),
  );
  // by whatever certificates a block is justified, it is the same vote
  return ([0, 1] as const).flatMap((block) => fit.find((each) => each.block === block) ?? []);
}

function certificatesAmong(voted: readonly SimplexState[], view: number, isLying: boolean): number {
  const said = voted.map((simplex) => saidIn(simplex, view));
  const size = voted[0]?.quorum.size ?? 0;
  const enough = [0, 1].filter((vote) => votersAmong(said, vote) + (isLying ? 1 : 0) >= size);
  return enough.reduce((bits, vote) => bits | (1 << vote), 0);
}

function votersAmong(said: readonly number[], vote: number): number {
  return said.filter((bits) => (bits & (1 << vote)) !== 0).length;
}

function certificatesIn(turns: readonly SimplexTurn[], view: number): number {
  return turns.reduce((bits, { simplex }) => {
    const { notarisation, nullification } = viewOf(simplex, view);
    const block = notarisation === null ? -1 : NAMES.indexOf(notarisation.block);
    const notarised = block < 0 ? 0 : certificateBit(0, block);
    return bits | notarised | (nullification === null ? 0 : certificateBit(0, NULLIFY));
  }, 0);
}

/** What a member has said in a view. */
function saidIn(simplex: SimplexState, view: number): number {
  const { notarized, nullified, finalized } = viewOf(simplex, view).own;
  const of = (block: string | null, first: number) =>
    block === null ? 0 : 1 << (first + NAMES.indexOf(block));
  return of(notarized, 0) | (nullified ? 1 << NULLIFY : 0) | of(finalized, FINALIZE);
}

const VOTES_AMONG = Array.from({ length: 1 << VOTES.length }, (_, bits) =>
  [...VOTES.keys()].filter((vote) => (bits & (1 << vote)) !== 0),
);

function votesAmong(bits: number): readonly number[] {
  return VOTES_AMONG[bits] ?? [];
}

function isFinal(turns: readonly SimplexTurn[]): boolean {
  return turns.some(({ simplex }) => simplex.final !== null);
}

function turnOf(simplex: SimplexState): SimplexTurn {
  return { simplex, asked: [], now: 0 };
}

function ofEach(offers: readonly Offer[]): readonly (readonly Offer[])[] {
  return HONEST.reduce<readonly (readonly Offer[])[]>(
    (all) => all.flatMap((some) => offers.map((offer) => [...some, offer])),
    [[]],
  );
}

function remembered<T>(known: Map<string, T>, id: string, make: () => T): T {
  const before = known.get(id);
  if (before !== undefined) return before;
  const made = make();
  known.set(id, made);
  return made;
}

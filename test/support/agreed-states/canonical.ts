import {
  type BlockIndex,
  certificateBit,
  FINALIZE,
  HONEST,
  type MemberState,
  VIEWS,
  voteBit,
} from "./words.ts";

/** A state: the three honest members, and what those of them that lead a view have proposed in it. */
export interface State {
  readonly members: readonly MemberState[];
  readonly proposed: readonly (BlockIndex | null)[];
}

/** The least of the states that differ only by the names of the blocks and of honest members that lead no view. */
export function canonical(state: State, turns: readonly number[]): string {
  const alike: readonly number[] = HONEST.filter((who) => !turns.slice(0, VIEWS).includes(who));
  let least = "";
  for (const one of [state, swapped(state)]) {
    const held = one.members.map((member) => member.held);
    const sorted = alike
      .map((who) => one.members[who] as MemberState)
      .sort((a, b) => a.sent - b.sent || a.disk - b.disk || a.view - b.view || a.held - b.held);
    // the one set of certificates belongs to nobody
    const isShared = held.slice(1).every((each) => each === 0);
    const members = one.members.map((member, who) => {
      const next = alike.includes(who) ? (sorted[alike.indexOf(who)] as MemberState) : member;
      return isShared ? { ...next, held: who === 0 ? (held[0] as number) : 0 } : next;
    });
    const key = encoded({ ...one, members });
    if (least === "" || key < least) least = key;
  }
  return least;
}

/** The state of a key. */
export function decoded(key: string): State {
  const code = (at: number) => key.charCodeAt(at);
  return {
    members: HONEST.map((who) => {
      const [sent, disk, tail] = [code(3 * who), code(3 * who + 1), code(3 * who + 2)];
      return { sent, disk, view: tail & 3, held: tail >> 2 };
    }),
    proposed: VIEW_NUMBERS.map((view) => {
      const block = code(3 * HONEST.length + view) - 1;
      return block < 0 ? null : (block as BlockIndex);
    }),
  };
}

// --- internal ---

/** A and B change names. */
function swapped({ members, proposed }: State): State {
  return {
    members: members.map(({ sent, disk, view, held }) => ({
      ...{ sent: swappedVotes(sent), disk: swappedVotes(disk), view, held: swappedHeld(held) },
    })),
    proposed: proposed.map((block) => (block === null ? null : block === 0 ? 1 : 0)),
  };
}

function pairsSwapped(bits: number, pairs: readonly (readonly [number, number])[]): number {
  let swappedBits = bits;
  for (const [a, b] of pairs) {
    const differ = ((bits & a) !== 0) !== ((bits & b) !== 0);
    if (differ) swappedBits ^= a | b;
  }
  return swappedBits;
}

const VIEW_NUMBERS = [...Array(VIEWS).keys()];
const VOTE_PAIRS = VIEW_NUMBERS.flatMap((view) => [
  [voteBit(view, 0), voteBit(view, 1)] as const,
  [voteBit(view, FINALIZE), voteBit(view, FINALIZE + 1)] as const,
]);
const HELD_PAIRS = VIEW_NUMBERS.map(
  (view) => [certificateBit(view, 0), certificateBit(view, 1)] as const,
);
const swappedVotes = (bits: number) => pairsSwapped(bits, VOTE_PAIRS);
const swappedHeld = (bits: number) => pairsSwapped(bits, HELD_PAIRS);

function encoded({ members, proposed }: State): string {
  const codes = members.flatMap(({ sent, disk, view, held }) => [sent, disk, view | (held << 2)]);
  return String.fromCharCode(...codes, ...proposed.map((block) => (block ?? -1) + 1));
}

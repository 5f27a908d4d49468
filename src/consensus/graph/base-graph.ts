import type { RoundGraph } from "./round-graph.ts";

/** Two places that take the same share of each other. */
type Link = readonly [a: number, b: number, share: number];
/** The links of one round after another. */
type Sequence = readonly (readonly Link[])[];

/**
 * The Base-(k+1) graph (Takezawa et al., NeurIPS 2023, algorithms 2 and 3): a sequence of rounds, in each of which a
 * peer has at most k neighbours, after which every peer has the exact mean of any number of peers.
 *
 * @param count - peers, from 1
 * @param base - k + 1, from 2
 */
export function baseSequence(count: number, base: number): readonly RoundGraph[] {
  const places = [...Array(count).keys()];
  const whole = simpleSequence(places, base);
  const split = splitSequence(places, base);
  const best = whole.length < split.length ? whole : split;
  return best.map((links) => graphOf(count, links));
}

// --- internal ---

function graphOf(count: number, links: readonly Link[]): RoundGraph {
  const rows = Array.from({ length: count }, () => new Map<number, number>());
  for (const [a, b, share] of links) {
    rows[a]?.set(b, share);
    rows[b]?.set(a, share);
  }
  return rows;
}

/** Groups of equal size find their means at once, then one of each group does so with those of the others. */
function splitSequence(places: readonly number[], base: number): Sequence {
  const groups = parts(places, smoothPart(places.length, base));
  const [first = []] = groups;
  const across = first.map((_, at) => groups.map((group) => group[at] as number));
  return [
    ...sideBySide(groups.map((group) => simpleSequence(group, base))),
    ...sideBySide(across.map((group) => cubeSequence(group, base))),
  ];
}

/** A set of peers a·base^p in number, as a parts of base^p. */
interface DigitSet {
  readonly places: readonly number[];
  readonly parts: readonly (readonly number[])[];
}

/**
 * Algorithm 2. The number of peers is written in the base, and each digit has a set of peers. Each set finds its mean;
 * then set after set, the largest first, gives every peer of the smaller ones the mean of all from it on; what that
 * leaves unequal in a part of a set has its mean in common with the other parts, and is evened out.
 */
function simpleSequence(places: readonly number[], base: number): Sequence {
  if (smoothPart(places.length, base) === places.length) return cubeSequence(places, base);
  const sets = digitSets(places, base);
  const opening = sets.map((set) => cubeSequence(set.places, base));
  const closing = sets.map((set) => sideBySide(set.parts.map((part) => cubeSequence(part, base))));
  const [openingRounds, closingRounds] = [opening[0]?.length ?? 0, closing[0]?.length ?? 0];
  const rounds: (readonly Link[])[] = [];
  for (let round = 0; round < openingRounds; round += 1) {
    rounds.push(opening.flatMap((sequence) => cyclic(sequence, round)));
  }
  for (let giving = 0; giving <= closingRounds; giving += 1) {
    const closed = closing.slice(0, giving);
    rounds.push([
      ...givenBy(sets, giving, base),
      ...closed.flatMap((sequence, set) => cyclic(sequence, giving - set - 1)),
    ]);
  }
  return rounds;
}

/** Every peer of the sets after this one is linked to a peer of each of its parts; those that are left, to one another. */
function givenBy(sets: readonly DigitSet[], giving: number, base: number): readonly Link[] {
  const giver = sets[giving];
  if (giver === undefined) return [];
  const takers = sets.slice(giving + 1).flatMap((set) => set.places);
  const share = giver.places.length / (giver.places.length + takers.length) / giver.parts.length;
  const given = takers.flatMap((taker, at) =>
    giver.parts.map((part): Link => [taker, part.at(-1 - at) as number, share]),
  );
  const left = giver.parts.flatMap((part) => part.slice(0, part.length - takers.length));
  const idle = left.flatMap((_, at) => (at % base === 0 ? clique(left.slice(at, at + base)) : []));
  return [...given, ...idle];
}

/**
 * The k-peer hyper-hypercube over a number of peers whose prime factors are at most the base: cliques of those that
 * differ in one digit, digit after digit.
 */
function cubeSequence(places: readonly number[], base: number): Sequence {
  let stride = 1;
  return factorsOf(places.length, base).map((factor) => {
    const step = stride;
    stride *= factor;
    const firsts = [...places.keys()].filter((at) => Math.floor(at / step) % factor === 0);
    return firsts.flatMap((at) =>
      clique(Array.from({ length: factor }, (_, digit) => places[at + digit * step] as number)),
    );
  });
}

function clique(places: readonly number[]): readonly Link[] {
  const share = 1 / places.length;
  return places.flatMap((a, i) => places.slice(i + 1).map((b): Link => [a, b, share]));
}

/** Sequences of one length over disjoint groups, as one. */
function sideBySide(sequences: readonly Sequence[]): Sequence {
  const [first = []] = sequences;
  return first.map((_, round) => sequences.flatMap((sequence) => sequence[round] ?? []));
}

function cyclic(sequence: Sequence, round: number): readonly Link[] {
  return sequence[round % sequence.length] ?? [];
}

/** The largest divisor without a prime factor above the base. */
function smoothPart(count: number, base: number): number {
  return factorsOf(count, base).reduce((product, factor) => product * factor, 1);
}

/** Factors up to the base, the largest that divide taken first, in ascending order. */
function factorsOf(count: number, base: number): readonly number[] {
  const factors: number[] = [];
  let rest = count;
  for (let factor = base; factor > 1; factor -= 1) {
    while (rest % factor === 0) {
      factors.unshift(factor);
      rest /= factor;
    }
  }
  return factors;
}

function digitSets(places: readonly number[], base: number): readonly DigitSet[] {
  const sets: DigitSet[] = [];
  let size = 1;
  while (size * base <= places.length) size *= base;
  for (let from = 0; from < places.length; size /= base) {
    const amount = Math.floor((places.length - from) / size);
    if (amount === 0) continue;
    const set = places.slice(from, from + amount * size);
    sets.push({ places: set, parts: parts(set, amount) });
    from += set.length;
  }
  return sets;
}

/** So many parts of consecutive places, all of one size. */
function parts(places: readonly number[], amount: number): readonly (readonly number[])[] {
  const size = places.length / amount;
  return Array.from({ length: amount }, (_, at) => places.slice(at * size, (at + 1) * size));
}

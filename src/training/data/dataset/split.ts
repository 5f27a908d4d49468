import assert from "node:assert/strict";
import { countDuplicates } from "../examples/duplicates.ts";
import { type AnyExample, cutIn, positionsIn } from "../examples/example.ts";
import { type CutTokens, cutOf } from "../examples/lost-tokens.ts";
import type { DataSummary, Dataset } from "./dataset.ts";
import type { Examples } from "./example-store.ts";

/** Held-out examples are evaluated in every round: more of them cost time and training data, and tell little more. */
export const HELD_OUT_EXAMPLES_MAX = 512;

/** MurmurHash3's last step (Appleby 2011, public domain): every bit of the result depends on every bit of `x`. */
function scramble(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The place of a text in an order that the seed decides; equal texts have the same place, others hardly ever. */
function placeOf(hash: number, seed: number): number {
  const high = Math.floor(hash / 2 ** 32);
  const low = scramble(hash ^ Math.imul(seed + 1, 0x9e3779b1));
  return low * 2 ** 21 + high;
}

/** The places of all examples with how often each occurs, in order. */
function* copiesOf(places: Float64Array) {
  const order = places.toSorted();
  for (let at = 0; at < order.length; ) {
    const place = order[at] ?? 0;
    const start = at;
    while (order[at] === place) at += 1;
    yield { place, copies: at - start };
  }
}

/**
 * The first examples in the seed's order: `count` of them, or as near to it as can be when equal texts are all taken
 * or none. Never more than `most`. When every text has far more copies than `count`, it is the text with the fewest
 * copies; when those are more than `most`, it is one example.
 */
function drawn(hashes: Float64Array, count: number, most: number, seed: number): readonly number[] {
  if (count === 0) return [];
  const places = hashes.map((hash) => placeOf(hash, seed));
  const taken = new Set<number>();
  let total = 0;
  let rarest = { place: 0, copies: Number.POSITIVE_INFINITY };
  for (const { place, copies } of copiesOf(places)) {
    if (total >= count) break;
    if (copies < rarest.copies) rarest = { place, copies };
    const more = total + copies;
    if (more > most || more - count > count - total) continue;
    taken.add(place);
    total = more;
  }
  if (total === 0 && rarest.copies > most) return [places.indexOf(rarest.place)];
  if (total === 0) taken.add(rarest.place);
  const chosen: number[] = [];
  for (const [i, place] of places.entries()) if (taken.has(place)) chosen.push(i);
  return chosen;
}

function subset<E>(examples: Examples<E>, indices: Uint32Array): Examples<E> {
  return {
    length: indices.length,
    at: (i) => examples.at(indices[i] ?? -1),
    close: () => examples.close?.(),
  };
}

/**
 * Holds a share of the examples out of training, chosen by `seed` and the hash of their text. When `share` > 0 and
 * there are two examples, at least one is held out; at most HELD_OUT_EXAMPLES_MAX are. Copies of a text are on one
 * side, so that nothing that is held out was trained on. The share is kept as nearly as they allow. The rows that
 * were left out count with the training part.
 */
export function splitHeldOut<E extends AnyExample>(
  dataset: Dataset<E>,
  share: number,
  seed: number,
): { readonly train: Dataset<E>; readonly heldOut: Dataset<E> } {
  assert(share >= 0 && share < 1, `share ${share}`);
  const { examples, hashes, longest, format, summary } = dataset;
  const least = share > 0 && examples.length > 1 ? 1 : 0;
  const most = Math.min(Math.max(examples.length - 1, 0), HELD_OUT_EXAMPLES_MAX);
  const count = Math.min(Math.max(Math.round(share * examples.length), least), most);
  const indices = drawn(hashes, count, most, seed);
  const chosen = new Set(indices);
  const rest = Uint32Array.from({ length: examples.length }, (_, i) => i).filter(
    (i) => !chosen.has(i),
  );
  const held = indices.map((i) => examples.at(i)).filter((each) => each !== undefined);
  const heldHashes = Float64Array.from(indices, (i) => hashes[i] ?? 0);
  const trainHashes = Float64Array.from(rest, (i) => hashes[i] ?? 0);
  const counts = countsOf(held, heldHashes);
  return {
    train: {
      examples: subset(examples, rest),
      hashes: trainHashes,
      longest,
      format,
      summary: {
        examples: rest.length,
        tokens: summary.tokens - counts.tokens,
        truncated: summary.truncated - counts.truncated,
        ...(summary.truncated > counts.truncated ? cutOf(without(summary.cut, counts.cut)) : {}),
        skipped: summary.skipped,
        duplicates: countDuplicates(trainHashes),
        notes: summary.notes,
      },
    },
    heldOut: { examples: held, hashes: heldHashes, longest, format, summary: counts },
  };
}

function countsOf(examples: readonly AnyExample[], hashes: Float64Array): DataSummary {
  return {
    examples: examples.length,
    tokens: examples.reduce((total, each) => total + positionsIn(each), 0),
    truncated: examples.filter(({ truncated }) => truncated).length,
    ...cutOf(cutIn(examples)),
    skipped: 0,
    duplicates: countDuplicates(hashes),
    notes: [],
  };
}

/** What is left of all tokens of cut rows without those of some. */
function without(all: CutTokens | undefined, some: CutTokens | undefined): CutTokens | undefined {
  if (all === undefined || some === undefined) return all;
  return { ...all, kept: all.kept - some.kept, lost: all.lost - some.lost };
}

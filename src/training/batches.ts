import assert from "node:assert/strict";
import { seededRandom } from "../random.ts";
import { type Example, learnedParts, learnedTokens } from "./data/example.ts";
import { shuffled } from "./data/split.ts";

/** What a compiled program is made for. */
export interface BatchShape {
  readonly batch: number;
  /** Positions of each row after padding. */
  readonly length: number;
  /** Rows of the output head: positions that carry loss, padded; batch * length when every position may. */
  readonly lossRows: number;
}

/** One padded batch as a program takes it. */
export interface Batch {
  readonly shape: BatchShape;
  /** [batch, length] */
  readonly ids: BigInt64Array;
  /** Indices into batch * length, [lossRows]; those beyond `tokens` are padding. */
  readonly positions: BigInt64Array;
  /** The id that follows each position, [lossRows]. */
  readonly targets: BigInt64Array;
  /** 1 / completion tokens of the whole batch where a loss counts, else 0, [lossRows, 1]. */
  readonly weights: Float32Array;
  /** Which example of the batch each loss row belongs to, [tokens]. */
  readonly owners: readonly number[];
  /** Completion tokens. */
  readonly tokens: number;
}

/** The smallest of 8, 12, 16, 24, 32, 48, 64, 96 ... that holds `size`: at most a third is padding, few sizes exist. */
export function bucket(size: number): number {
  let power = 8;
  while (power < size) power *= 2;
  const between = (power * 3) / 4;
  return power > 8 && between >= size ? between : power;
}

/** Like `bucket`, with fewer sizes: a padded loss row costs less than another program. */
function lossRowBucket(tokens: number): number {
  let power = 32;
  while (power < tokens) power *= 2;
  return power;
}

/**
 * The examples of training step `step` (from 0): consecutive runs of `batchSize` from an endless sequence of epochs,
 * each a permutation of its own drawn from (seed, epoch). `orders` keeps the permutations from one step to the next, so
 * that a large set is not shuffled at every step.
 */
export function stepExamples(
  count: number,
  batchSize: number,
  seed: number,
  step: number,
  orders = new Map<number, readonly number[]>(),
): readonly number[] {
  assert.ok(count > 0, "examples to draw from");
  return Array.from({ length: batchSize }, (_, i) => {
    const at = step * batchSize + i;
    const epoch = Math.floor(at / count);
    const order = orders.get(epoch) ?? epochOrder(count, seed, epoch);
    orders.set(epoch, order);
    const index = order[at % count];
    assert.ok(index !== undefined);
    return index;
  });
}

function epochOrder(count: number, seed: number, epoch: number): readonly number[] {
  const indices = Array.from({ length: count }, (_, i) => i);
  return shuffled(
    indices,
    seededRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b)) >>> 0),
  );
}

/**
 * Positions that one run of a training program takes: larger batches run in parts whose activations stay in cache, which
 * is faster than all at once and bounds memory whatever the batch size.
 */
const PART_POSITIONS = 256;

/**
 * A training batch in equal parts. The weights are those of the whole, so losses and gradients of the parts add up.
 */
export function collateParts(examples: readonly Example[], lengthMax: number): readonly Batch[] {
  const length = paddedLength(examples, lengthMax);
  const count = Math.min(examples.length, Math.ceil((examples.length * length) / PART_POSITIONS));
  const rows = Math.ceil(examples.length / count);
  const tokens = examples.reduce((total, each) => total + learnedTokens(each), 0);
  return Array.from({ length: Math.ceil(examples.length / rows) }, (_, i) =>
    pad(examples.slice(i * rows, (i + 1) * rows), rows, length, tokens),
  );
}

/** Pads examples to one shape. `batch` at least their number, `lengthMax` the longest a program may be. */
export function collate(examples: readonly Example[], batch: number, lengthMax: number): Batch {
  const tokens = examples.reduce((total, each) => total + learnedTokens(each), 0);
  return pad(examples, batch, paddedLength(examples, lengthMax), tokens);
}

function paddedLength(examples: readonly Example[], lengthMax: number): number {
  const longest = Math.max(...examples.map((each) => each.ids.length - 1));
  return Math.max(longest, Math.min(bucket(longest), lengthMax));
}

/** `batch` rows of `length` positions, each loss weighing one in `tokensOfWhole`. */
function pad(
  examples: readonly Example[],
  batch: number,
  length: number,
  tokensOfWhole: number,
): Batch {
  const ids = new BigInt64Array(batch * length);
  const places: number[] = [];
  const answers: number[] = [];
  const owners: number[] = [];
  for (const [row, example] of examples.entries()) {
    for (let t = 0; t + 1 < example.ids.length; t += 1) {
      ids[row * length + t] = BigInt(example.ids[t] ?? 0);
    }
    for (const [start, end] of learnedParts(example)) {
      for (let t = start; t < end; t += 1) {
        places.push(row * length + t - 1);
        answers.push(example.ids[t] ?? 0);
        owners.push(row);
      }
    }
  }
  const tokens = places.length;
  const lossRows = Math.min(lossRowBucket(tokens), batch * length);
  const positions = new BigInt64Array(lossRows);
  const targets = new BigInt64Array(lossRows);
  const weights = new Float32Array(lossRows);
  for (const [i, place] of places.entries()) {
    positions[i] = BigInt(place);
    targets[i] = BigInt(answers[i] ?? 0);
    weights[i] = 1 / tokensOfWhole;
  }
  return { shape: { batch, length, lossRows }, ids, positions, targets, weights, owners, tokens };
}

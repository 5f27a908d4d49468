import assert from "node:assert/strict";
import { seededRandom } from "../../random.ts";
import type { LabelledExample } from "../data/dataset/labelled.ts";
import { shuffled } from "../data/dataset/split.ts";
import { type Example, learnedParts, learnedTokens } from "../data/examples/example.ts";
import { packRows } from "./packed-rows.ts";

/** A text to continue, or one with a class. All of a batch are of one kind. */
export type AnyExample = Example | LabelledExample;

/** What a compiled program is made for. */
export interface BatchShape {
  readonly batch: number;
  /** Positions of each row after padding. */
  readonly length: number;
  /** Rows of the output head: positions that carry loss, padded. */
  readonly lossRows: number;
  /** Whether every position carries loss, so that the rows need no gathering. */
  readonly everyPosition?: boolean;
  /** Whether rows hold several texts each. */
  readonly packed?: boolean;
}

/** One padded batch as a program takes it. */
export interface Batch {
  readonly shape: BatchShape;
  /** [batch, length] */
  readonly ids: BigInt64Array;
  /** Indices into batch * length, [lossRows]; those beyond `tokens` are padding. Unused where texts have a class. */
  readonly positions: BigInt64Array;
  /** The id that follows each position, or each text's class, [lossRows]. */
  readonly targets: BigInt64Array;
  /** 1 / completion tokens of the whole batch where a loss counts, else 0, [lossRows, 1]. */
  readonly weights: Float32Array;
  /** Of packed rows: the text that each position belongs to, and the position in it; see `packedSequences`. */
  readonly packing?: { readonly texts: Float32Array; readonly places: BigInt64Array };
  /** Which example of the batch, as they lie in it, each loss row belongs to, [tokens]. */
  readonly owners: readonly number[];
  /** Completion tokens, or texts with a class. */
  readonly tokens: number;
  /** Tokens of each row that is a text with a class, zero for padding; empty for other batches. */
  readonly lengths: readonly number[];
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
 * Positions that one run of a training program takes for each thread: larger batches run in parts whose activations stay
 * in cache, which is faster than all at once and bounds memory whatever the batch size. Each operation of a part is shared
 * among the threads, so more of them need a larger part.
 */
const PART_POSITIONS = 256;
const PART_THREADS_MAX = 4;

/** How a batch is cut into parts. */
export interface PartLimits {
  /** Threads of the engine. */
  readonly threads?: number;
  /** The most rows of one part. */
  readonly rowsMax?: number;
  /** Texts to continue lie side by side in rows, kept apart: the same losses in fewer positions. */
  readonly packed?: boolean;
}

/**
 * A training batch in equal parts. The weights are those of the whole, so losses and gradients of the parts add up.
 */
export function collateParts(
  examples: readonly AnyExample[],
  lengthMax: number,
  { threads = 1, rowsMax = Number.POSITIVE_INFINITY, packed = false }: PartLimits = {},
): readonly Batch[] {
  const { length, rows } = packed ? packedRows(examples, lengthMax) : ownRows(examples, lengthMax);
  const positions = PART_POSITIONS * Math.min(threads, PART_THREADS_MAX);
  const count = Math.min(rows.length, Math.ceil((rows.length * length) / positions));
  const batch = Math.min(Math.ceil(rows.length / count), rowsMax);
  const tokens = examples.reduce((total, each) => total + lossesOf(each), 0);
  return Array.from({ length: Math.ceil(rows.length / batch) }, (_, i) => {
    const part = rows.slice(i * batch, (i + 1) * batch);
    return padAny(part, packed ? { batch, length, packed } : { batch, length }, tokens);
  });
}

interface Rows {
  readonly length: number;
  readonly rows: readonly (readonly AnyExample[])[];
}

function ownRows(examples: readonly AnyExample[], lengthMax: number): Rows {
  return { length: paddedLength(examples, lengthMax), rows: examples.map((each) => [each]) };
}

function packedRows(examples: readonly AnyExample[], lengthMax: number): Rows {
  const least = paddedLength(examples, lengthMax);
  const { length, rows } = packRows(examples.map(positionsTaken), least, lengthMax);
  return { length, rows: rows.map((texts) => texts.flatMap((i) => examples[i] ?? [])) };
}

/** Pads examples to one shape. `batch` at least their number, `lengthMax` the longest a program may be. */
export function collate(examples: readonly AnyExample[], batch: number, lengthMax: number): Batch {
  const tokens = examples.reduce((total, each) => total + lossesOf(each), 0);
  const { length, rows } = ownRows(examples, lengthMax);
  return padAny(rows, { batch, length }, tokens);
}

function isLabelled(example: AnyExample): example is LabelledExample {
  return "label" in example;
}

/** Positions that an example takes in a batch: the last id of a text to continue is only a target. */
export function positionsTaken(example: AnyExample): number {
  return isLabelled(example) ? example.ids.length : example.ids.length - 1;
}

function lossesOf(example: AnyExample): number {
  return isLabelled(example) ? 1 : learnedTokens(example);
}

function paddedLength(examples: readonly AnyExample[], lengthMax: number): number {
  const longest = Math.max(...examples.map(positionsTaken));
  return Math.max(longest, Math.min(bucket(longest), lengthMax));
}

function padAny(
  rows: readonly (readonly AnyExample[])[],
  shape: PaddedShape,
  lossesOfWhole: number,
): Batch {
  const examples = rows.flat();
  if (examples.every(isLabelled)) {
    assert.ok(shape.packed !== true, "texts with classes have rows of their own");
    return padLabelled(examples, shape.batch, shape.length, lossesOfWhole);
  }
  const texts = rows.map((row) =>
    row.filter((example): example is Example => !isLabelled(example)),
  );
  assert.equal(texts.flat().length, examples.length, "examples of one kind");
  return pad(texts, shape, lossesOfWhole);
}

/** Like `pad`, for texts with classes: one loss for each row. */
function padLabelled(
  examples: readonly LabelledExample[],
  batch: number,
  length: number,
  textsOfWhole: number,
): Batch {
  const ids = new BigInt64Array(batch * length);
  const targets = new BigInt64Array(batch);
  const weights = new Float32Array(batch);
  for (const [row, example] of examples.entries()) {
    ids.set(BigInt64Array.from(example.ids, BigInt), row * length);
    targets[row] = BigInt(example.label);
    weights[row] = 1 / textsOfWhole;
  }
  return {
    shape: { batch, length, lossRows: batch },
    ids,
    positions: new BigInt64Array(0),
    targets,
    weights,
    owners: examples.map((_, row) => row),
    tokens: examples.length,
    lengths: Array.from({ length: batch }, (_, row) => examples[row]?.ids.length ?? 0),
  };
}

type PaddedShape = Pick<BatchShape, "batch" | "length" | "packed">;

/** `batch` rows of `length` positions, each loss weighing one in `tokensOfWhole`. */
function pad(
  rows: readonly (readonly Example[])[],
  padded: PaddedShape,
  tokensOfWhole: number,
): Batch {
  const { batch, length, packed = false } = padded;
  const ids = new BigInt64Array(batch * length);
  const placed = placedTexts(rows, length);
  const places: number[] = [];
  const answers: number[] = [];
  const owners: number[] = [];
  for (const [owner, { example, at }] of placed.entries()) {
    const size = positionsTaken(example);
    for (let t = 0; t < size; t += 1) ids[at + t] = BigInt(example.ids[t] ?? 0);
    for (const t of learnedPlaces(example)) {
      places.push(at + t - 1);
      answers.push(example.ids[t] ?? 0);
      owners.push(owner);
    }
  }
  const tokens = places.length;
  const lossRows = Math.min(lossRowBucket(tokens), batch * length);
  const positions = new BigInt64Array(lossRows);
  const targets = new BigInt64Array(lossRows);
  const weights = new Float32Array(lossRows);
  for (let i = 0; i < tokens; i += 1) {
    positions[i] = BigInt(places[i] ?? 0);
    targets[i] = BigInt(answers[i] ?? 0);
    weights[i] = 1 / tokensOfWhole;
  }
  const shape = { ...padded, lossRows, everyPosition: tokens === batch * length };
  const more = packed ? { packing: packingOf(placed, ids.length) } : {};
  return { shape, ids, positions, targets, weights, owners, tokens, lengths: [], ...more };
}

interface PlacedText {
  readonly example: Example;
  /** Where it begins, counted through all rows. */
  readonly at: number;
  /** How many texts of its row stand before it. */
  readonly inRow: number;
}

function placedTexts(rows: readonly (readonly Example[])[], length: number): PlacedText[] {
  return rows.flatMap((texts, row) => {
    let at = row * length;
    return texts.map((example, inRow) => {
      const placed = { example, at, inRow };
      at += positionsTaken(example);
      return placed;
    });
  });
}

function packingOf(placed: readonly PlacedText[], size: number): NonNullable<Batch["packing"]> {
  // What is left of a row is of text 0.
  const packing = { texts: new Float32Array(size), places: new BigInt64Array(size) };
  for (const { example, at, inRow } of placed) {
    const taken = positionsTaken(example);
    packing.texts.fill(inRow + 1, at, at + taken);
    for (let t = 0; t < taken; t += 1) packing.places[at + t] = BigInt(t);
  }
  return packing;
}

/** Indices of the ids that carry loss. */
function* learnedPlaces(example: Example): Generator<number, void> {
  for (const [start, end] of learnedParts(example)) for (let t = start; t < end; t += 1) yield t;
}

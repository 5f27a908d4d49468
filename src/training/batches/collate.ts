import assert from "node:assert/strict";
import {
  type AnyExample,
  type Example,
  isImage,
  isLabelled,
  type Labelled,
  learnedParts,
  learnedTokens,
  positionsIn,
  positionsTaken,
} from "../data/examples/example.ts";
import { type Batch, type BatchShape, bucket } from "./batch.ts";
import { packRows } from "./packed-rows.ts";

/** Like `bucket`, with fewer sizes: a padded loss row costs less than another program. */
function lossRowBucket(tokens: number): number {
  let power = 32;
  while (power < tokens) power *= 2;
  return power;
}

/**
 * Positions that one run of a training program takes for each thread. Larger batches run in parts whose activations
 * stay in cache. That is faster than all at once and bounds memory whatever the batch size. The threads share each
 * operation of a part, so more threads need a larger part.
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
    const shape = { batch, length, longest: longestOf(examples) };
    return padAny(part, packed ? { ...shape, packed } : shape, tokens);
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
  return padAny(rows, { batch, length, longest: longestOf(examples) }, tokens);
}

function longestOf(examples: readonly AnyExample[]): number {
  return examples.reduce((most, each) => Math.max(most, positionsIn(each)), 0);
}

function lossesOf(example: AnyExample): number {
  return isLabelled(example) ? 1 : learnedTokens(example);
}

function paddedLength(examples: readonly AnyExample[], lengthMax: number): number {
  const longest = Math.max(...examples.map(positionsTaken));
  // Images are of one size, which programs are made for.
  if (examples.some(isImage)) return longest;
  return Math.max(longest, Math.min(bucket(longest), lengthMax));
}

function padAny(
  rows: readonly (readonly AnyExample[])[],
  shape: PaddedShape,
  lossesOfWhole: number,
): Batch {
  const examples = rows.flat();
  if (examples.every(isLabelled)) {
    assert.ok(shape.packed !== true, "what has a class has a row of its own");
    return padLabelled(examples, shape, lossesOfWhole);
  }
  const texts = rows.map((row) =>
    row.filter((example): example is Example => !isLabelled(example)),
  );
  assert.equal(texts.flat().length, examples.length, "examples of one kind");
  return pad(texts, shape, lossesOfWhole);
}

/** Like `pad`, for what has a class: one loss for each row. */
function padLabelled(
  examples: readonly Labelled[],
  padded: PaddedShape,
  examplesOfWhole: number,
): Batch {
  const { batch, length } = padded;
  const targets = new BigInt64Array(batch);
  const weights = new Float32Array(batch);
  const lengths = examples.map(positionsIn);
  const labels = examples.flatMap((each) => (each.labels ? [each.labels] : []));
  for (const [row, example] of examples.entries()) {
    targets[row] = BigInt(example.label);
    weights[row] = 1 / examplesOfWhole;
  }
  return {
    shape: { ...padded, lossRows: batch },
    ...inputsOf(examples, batch, length),
    positions: new BigInt64Array(0),
    targets,
    weights,
    ...(labels.length > 0 ? { labels } : {}),
    owners: examples.map((_, row) => row),
    tokens: examples.length,
    lengths: Array.from({ length: batch }, (_, row) => lengths[row] ?? 0),
  };
}

/** Ids of texts, or patches of images; what is left of a batch is zero. */
function inputsOf(
  examples: readonly Labelled[],
  batch: number,
  length: number,
): Pick<Batch, "ids" | "pixels"> {
  const images = examples.filter(isImage).map(({ image }) => image.patches());
  if (images.length > 0) {
    const size = images[0]?.length ?? 0;
    const pixels = new Float32Array(batch * size);
    for (const [row, patches] of images.entries()) pixels.set(patches, row * size);
    return { ids: new BigInt64Array(0), pixels };
  }
  const ids = new BigInt64Array(batch * length);
  for (const [row, example] of examples.entries()) {
    if (!isImage(example)) ids.set(BigInt64Array.from(example.ids, BigInt), row * length);
  }
  return { ids };
}

type PaddedShape = Pick<BatchShape, "batch" | "length" | "packed" | "longest">;

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

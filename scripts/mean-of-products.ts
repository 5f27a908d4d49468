import { singularVectors } from "../src/training/adapters/methods/singular-vectors.ts";
import type { AdapterLayout } from "../src/types.ts";
import { squaredDistance } from "../testnet/attacks/statistics.ts";

/** One layer's factors: A [rank, inputs] and B [outputs, rank], row-major, and what they count in a mean. */
export interface Factors {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly rank: number;
  readonly share: number;
}

/**
 * LoRA adapters mixed by their products, layer by layer: what FlexLoRA's server does (Bai et al. 2024, arXiv 2402.11505).
 *
 * @returns the mix, and how far the product of the factors' means is from the mean of products, by the length of the way
 *   that this is from where all started
 */
export function meanOfProducts(
  { tensors, length }: Pick<AdapterLayout, "tensors" | "length">,
  start: Float32Array,
  states: readonly { readonly values: Float32Array; readonly share: number }[],
): { readonly values: Float32Array; readonly apart: number } {
  const values = new Float32Array(length);
  let [error, way] = [0, 0];
  for (const [i, slotA] of tensors.entries()) {
    const slotB = tensors[i + 1];
    if (!slotA.name.endsWith(".lora_A.weight") || slotB === undefined) continue;
    const [rank = 0, inputs = 0] = slotA.shape;
    const [outputs = 0] = slotB.shape;
    const of = (from: Float32Array, share: number): Factors => ({
      ...{ rank, share },
      a: from.subarray(slotA.offset, slotA.offset + rank * inputs),
      b: from.subarray(slotB.offset, slotB.offset + outputs * rank),
    });
    const all = states.map((each) => of(each.values, each.share));
    const mean = meanProduct(all);
    error += squaredDistance(mean, meanProduct([meanFactors(all)]));
    way += squaredDistance(mean, meanProduct([of(start, 1)]));
    const { a, b } = factorsOfMeanProduct(all);
    values.set(a, slotA.offset);
    values.set(b, slotB.offset);
  }
  return { values, apart: Math.sqrt(error / way) };
}

/** The mean of the products B A by shares: [outputs, inputs], row-major, in double. */
export function meanProduct(all: readonly Factors[]): Float64Array {
  const { inputs, outputs } = sizesOf(all[0] as Factors);
  const product = new Float64Array(outputs * inputs);
  for (const { a, b, rank, share } of all) {
    for (let row = 0; row < outputs; row += 1) {
      for (let k = 0; k < rank; k += 1) {
        const factor = share * (b[row * rank + k] ?? 0);
        for (let column = 0; column < inputs; column += 1) {
          const place = row * inputs + column;
          product[place] = (product[place] ?? 0) + factor * (a[k * inputs + column] ?? 0);
        }
      }
    }
  }
  return product;
}

/** The factors' own means. */
export function meanFactors(all: readonly Factors[]): Factors {
  const { a, b, rank } = all[0] as Factors;
  const mean = (which: "a" | "b") => (_: number, i: number) =>
    all.reduce((sum, each) => sum + each.share * (each[which][i] ?? 0), 0);
  return { a: a.map(mean("a")), b: b.map(mean("b")), rank, share: 1 };
}

/**
 * The mean of products as factors of the same rank: its first singular vectors, U S V^T. Of all factors with that product those are taken whose A lies closest to the mean of the A's, at its
 * length: A = c R V^T and B = U S R^T / c with R orthogonal. So the optimisers' moments, and momentum over rounds, still
 * mean what they did.
 */
export function factorsOfMeanProduct(all: readonly Factors[]): Factors {
  const { inputs, outputs } = sizesOf(all[0] as Factors);
  const { a: near, rank } = meanFactors(all);
  const { values, left, right } = singularVectors(
    Float32Array.from(meanProduct(all)),
    outputs,
    inputs,
    rank,
  );
  const along = square(rank, (k, l) =>
    sumOver(inputs, (j) => (near[k * inputs + j] ?? 0) * (right[l]?.[j] ?? 0)),
  );
  const turned = singularVectors(along, rank, rank, rank);
  const turn = square(rank, (k, l) =>
    sumOver(rank, (m) => (turned.left[m]?.[k] ?? 0) * (turned.right[m]?.[l] ?? 0)),
  );
  const length = Math.sqrt(near.reduce((sum, x) => sum + x * x, 0) / rank);
  const a = Float32Array.from({ length: rank * inputs }, (_, i) => {
    const [k, column] = [Math.floor(i / inputs), i % inputs];
    return length * sumOver(rank, (l) => (turn[k * rank + l] ?? 0) * (right[l]?.[column] ?? 0));
  });
  const b = Float32Array.from({ length: outputs * rank }, (_, i) => {
    const [row, k] = [Math.floor(i / rank), i % rank];
    const at = (l: number) => (left[l]?.[row] ?? 0) * (values[l] ?? 0) * (turn[k * rank + l] ?? 0);
    return sumOver(rank, at) / length;
  });
  return { a, b, rank, share: 1 };
}

// --- internal ---

function sizesOf({ a, b, rank }: Factors) {
  return { inputs: a.length / rank, outputs: b.length / rank };
}

function square(rank: number, at: (row: number, column: number) => number): Float32Array {
  return Float32Array.from({ length: rank * rank }, (_, i) => at(Math.floor(i / rank), i % rank));
}

function sumOver(count: number, at: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += at(index);
  return sum;
}

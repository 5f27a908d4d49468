import type { Vector } from "../contributions.ts";

/** Coordinates worked on at a time, so that they stay in the cache. Results do not depend on it. */
export const BLOCK_LENGTH = 512;
/** Inner products summed side by side: one sum alone waits for each of its additions. */
const LANES = 4;

/**
 * Norms, distances and angles of updates, all from their inner products: one pass over the coordinates. Two updates
 * whose distance is 1e-8 of their norms or less cannot be told apart; copies are at 0 exactly.
 */
export interface Geometry {
  readonly count: number;
  readonly norms: readonly number[];
  product(i: number, j: number): number;
  squaredDistance(i: number, j: number): number;
  /** 0 where one of both is zero. */
  cosine(i: number, j: number): number;
}

export function geometryOf(updates: readonly Vector[], blockLength = BLOCK_LENGTH): Geometry {
  const count = updates.length;
  const width = Math.ceil(count / LANES) * LANES;
  const products = innerProducts(updates, width, blockLength);
  const product = (i: number, j: number) =>
    products[Math.min(i, j) * width + Math.max(i, j)] as number;
  const norms = Array.from({ length: count }, (_, i) => Math.sqrt(product(i, i)));
  return {
    count,
    norms,
    product,
    // Of equal updates exactly 0; rounding may bring that of others below.
    squaredDistance: (i, j) => Math.max(0, product(i, i) + product(j, j) - 2 * product(i, j)),
    cosine: (i, j) => {
      const lengths = (norms[i] as number) * (norms[j] as number);
      return lengths === 0 ? 0 : product(i, j) / lengths;
    },
  };
}

/** Σ coefficient·update in float64: by coordinate, in roster order. */
export function combine(updates: readonly Vector[], coefficients: readonly number[]): Float64Array {
  const result = new Float64Array(updates[0]?.length ?? 0);
  for (const [index, update] of updates.entries()) {
    addScaled(result, update, coefficients[index] as number);
  }
  return result;
}

/** Copies the coordinates `from` to `from + length` of all updates, each `stride` after the one before. */
export function fillTile(
  tile: Float64Array,
  updates: readonly Vector[],
  { from, length, stride }: { from: number; length: number; stride: number },
): void {
  for (const [index, update] of updates.entries()) {
    tile.set(update.subarray(from, from + length), index * stride);
  }
}

// --- internal ---

/** Upper triangle, row i from column i on. Every sum runs over the coordinates in their order, in one accumulator. */
function innerProducts(updates: readonly Vector[], width: number, stride: number): Float64Array {
  const products = new Float64Array(width * width);
  const tile = new Float64Array(width * stride);
  const dimension = updates[0]?.length ?? 0;
  for (let from = 0; from < dimension; from += stride) {
    const length = Math.min(stride, dimension - from);
    fillTile(tile, updates, { from, length, stride });
    for (let i = 0; i < updates.length; i += 1) {
      for (let j = i - (i % LANES); j < width; j += LANES) {
        addProducts(
          tile,
          { left: i * stride, right: j * stride, length, stride },
          products,
          i * width + j,
        );
      }
    }
  }
  return products;
}

interface Span {
  readonly left: number;
  readonly right: number;
  readonly length: number;
  readonly stride: number;
}

/** Goes on with the inner products of one row with four. */
function addProducts(
  tile: Float64Array,
  { left, right, length, stride }: Span,
  products: Float64Array,
  at: number,
): void {
  let first = products[at] as number;
  let second = products[at + 1] as number;
  let third = products[at + 2] as number;
  let fourth = products[at + 3] as number;
  for (let k = 0; k < length; k += 1) {
    const value = tile[left + k] as number;
    const other = right + k;
    first += value * (tile[other] as number);
    second += value * (tile[other + stride] as number);
    third += value * (tile[other + 2 * stride] as number);
    fourth += value * (tile[other + 3 * stride] as number);
  }
  products[at] = first;
  products[at + 1] = second;
  products[at + 2] = third;
  products[at + 3] = fourth;
}

function addScaled(result: Float64Array, update: Vector, coefficient: number): void {
  for (let i = 0; i < result.length; i += 1) {
    result[i] = (result[i] as number) + coefficient * (update[i] as number);
  }
}

import { BLOCK_ROWS, blocksOf } from "../graph/packed-matrix.ts";

/** A matrix of integers as `PackedMatrix` holds it. */
export interface QuantizedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 8;
  readonly packed: Uint8Array;
  readonly scales: Float32Array;
}

/** Shares of a block's greatest magnitude that are tried as the end of the 4-bit range. */
const RANGES = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7];

/**
 * Rounds a matrix [rows, columns] to integers with a scale for every 32 rows of a column. 8 bits: the scale is the block's
 * greatest magnitude over 127. 4 bits: of seven clipped ranges the one with the least squared error, for outliers cost the
 * other 31 numbers most of their precision. `scales` of 4 bits may be negative. `columnsFirst` where `data` lies column by column.
 */
export function quantize(
  data: Float32Array,
  { rows, columns, columnsFirst = false }: MatrixOrder,
  bits: 4 | 8,
): QuantizedMatrix {
  const blocks = blocksOf(rows);
  const integers = new Uint8Array(blocks * BLOCK_ROWS * columns);
  const scales = new Float32Array(blocks * columns);
  const half = 2 ** (bits - 1);
  // What lies beyond the last row is zero.
  const numbers = new Float32Array(BLOCK_ROWS);
  const [down, across] = columnsFirst ? [1, rows] : [columns, 1];
  for (let at = 0; at < scales.length; at += 1) {
    const column = at % columns;
    const top = ((at - column) / columns) * BLOCK_ROWS;
    for (let i = 0; i < BLOCK_ROWS; i += 1) {
      const inside = top + i < rows;
      numbers[i] = inside ? (data[(top + i) * down + column * across] ?? 0) : 0;
    }
    const scale = bits === 8 ? greatest(numbers) / (half - 1) : bestScale(numbers);
    scales[at] = scale;
    const inverse = inverseOf(scale);
    for (let i = 0; i < BLOCK_ROWS; i += 1) {
      integers[(top + i) * columns + column] = nearest(numbers[i] ?? 0, inverse, half) + half;
    }
  }
  return { rows, columns, bits, packed: bits === 8 ? integers : nibbles(integers), scales };
}

/** Sizes of a matrix and the order of its numbers. */
export interface MatrixOrder {
  readonly rows: number;
  readonly columns: number;
  readonly columnsFirst?: boolean;
}

// --- internal ---

function greatest(numbers: Float32Array): number {
  let most = 0;
  for (let i = 0; i < numbers.length; i += 1) most = Math.max(most, Math.abs(numbers[i] ?? 0));
  return most;
}

/** Added to a number of magnitude below 2^51 and taken away again, it leaves the nearest whole one; quicker than Math.round. */
const ROUNDING = 1.5 * 2 ** 52;

/** x times `inverse`, rounded and cut to the range of [-half, half - 1]. */
function nearest(x: number, inverse: number, half: number): number {
  const whole = x * inverse + ROUNDING - ROUNDING;
  if (whole < -half) return -half;
  return whole < half ? whole : half - 1;
}

/** The extreme number comes to lie at -8, which has no counterpart: the scale has the other sign. */
function bestScale(numbers: Float32Array): number {
  const most = greatest(numbers);
  const end = numbers.includes(most) ? 0 - most : most;
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const range of RANGES) {
    const scale = Math.fround((end * range) / 8);
    const inverse = inverseOf(scale);
    let error = 0;
    for (let i = 0; i < numbers.length; i += 1) {
      const x = numbers[i] ?? 0;
      const apart = x - nearest(x, inverse, 8) * scale;
      error += apart * apart;
    }
    if (error < least) {
      best = scale;
      least = error;
    }
  }
  return best;
}

/** A block of zeros has the scale zero, and stays one. */
function inverseOf(scale: number): number {
  return scale === 0 ? 0 : 1 / scale;
}

/** The first half of the numbers in the low halves of the bytes, the second in the high ones. */
function nibbles(integers: Uint8Array): Uint8Array {
  const half = integers.length / 2;
  const packed = new Uint8Array(half);
  for (let i = 0; i < half; i += 1)
    packed[i] = (integers[i] ?? 0) | ((integers[half + i] ?? 0) << 4);
  return packed;
}

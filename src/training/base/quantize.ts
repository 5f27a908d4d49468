import { BLOCK_ROWS, blocksOf, type IntegerBits } from "../graph/packed-matrix.ts";
import { bestRange, endsOf, nearestCode, unitOf } from "./four-bit-range.ts";

/** A matrix of integers, with its arrays as `storedArrays` says. */
export interface QuantizedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: IntegerBits;
  readonly stored: readonly (Uint8Array | Float32Array)[];
}

/** Sizes of a matrix and the order of its numbers. */
export interface MatrixOrder {
  readonly rows: number;
  readonly columns: number;
  readonly columnsFirst?: boolean;
}

/**
 * Rounds a matrix [rows, columns] to integers, block by block of a column. With 8 bits, 32 rows share a scale: their
 * greatest magnitude over 127. With 4 bits, 16 rows share a scale and a zero, a byte each, see `bestRange`; scales
 * count in units of their column, as QLoRA (arXiv 2305.14314) quantises them again. `columnsFirst` says that `data`
 * lies column by column.
 */
export function quantize(
  data: Float32Array,
  order: MatrixOrder,
  bits: IntegerBits,
): QuantizedMatrix {
  const { rows, columns } = order;
  const stored = bits === 8 ? eightBits(data, order) : fourBits(data, order);
  return { rows, columns, bits, stored };
}

// --- internal ---

function eightBits(data: Float32Array, order: MatrixOrder): QuantizedMatrix["stored"] {
  const { columns } = order;
  const blocks = blocksOf(order.rows, 8);
  const bytes = new Uint8Array(blocks * BLOCK_ROWS[8] * columns).fill(128);
  const scales = new Float32Array(blocks * columns);
  eachBlock(data, order, 8, (numbers, at, first) => {
    const { low, high } = endsOf(numbers);
    const scale = Math.max(-low, high) / 127;
    scales[at] = scale;
    // A block of zeros has the scale zero, and stays one.
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < numbers.length; i += 1) {
      // The byte cuts the fraction off.
      bytes[first + i * columns] = (numbers[i] ?? 0) * inverse + 128.5;
    }
  });
  return [bytes, scales];
}

function fourBits(data: Float32Array, order: MatrixOrder): QuantizedMatrix["stored"] {
  const { columns } = order;
  const blocks = blocksOf(order.rows, 4);
  const codes = new Uint8Array(blocks * BLOCK_ROWS[4] * columns);
  const scales = new Uint8Array(blocks * columns);
  const zeros = new Uint8Array(blocks * columns);
  const units = columnUnits(data, order);
  eachBlock(data, order, 4, (numbers, at, first) => {
    const range = bestRange(numbers, units[at % columns] ?? 0);
    scales[at] = range.parts;
    zeros[at] = range.zero;
    for (let i = 0; i < numbers.length; i += 1) {
      codes[first + i * columns] = nearestCode(numbers[i] ?? 0, range);
    }
  });
  return [nibbles(codes), scales, zeros, units];
}

function columnUnits(data: Float32Array, order: MatrixOrder): Float32Array {
  const units = new Float32Array(order.columns);
  eachBlock(data, order, 4, (numbers, at) => {
    const { low, high } = endsOf(numbers);
    const column = at % order.columns;
    units[column] = Math.max(units[column] ?? 0, unitOf(high - low));
  });
  return units;
}

/**
 * Gives `use` the numbers of every block, with the block's place among the blocks and the place of its first number
 * in a row-major matrix. The last block of a column may be shorter. The array is used again.
 */
function eachBlock(
  data: Float32Array,
  { rows, columns, columnsFirst = false }: MatrixOrder,
  bits: IntegerBits,
  use: (numbers: Float64Array, at: number, first: number) => void,
): void {
  const height = BLOCK_ROWS[bits];
  const whole = new Float64Array(height);
  const [down, across] = columnsFirst ? [1, rows] : [columns, 1];
  for (let top = 0, at = 0; top < rows; top += height) {
    const numbers = whole.subarray(0, rows - top);
    for (let column = 0; column < columns; column += 1, at += 1) {
      const from = top * down + column * across;
      for (let i = 0; i < numbers.length; i += 1) numbers[i] = data[from + i * down] ?? 0;
      use(numbers, at, top * columns + column);
    }
  }
}

/** The first half of the numbers in the low halves of the bytes, the second in the high ones. */
function nibbles(codes: Uint8Array): Uint8Array {
  const half = codes.length / 2;
  const packed = new Uint8Array(half);
  for (let i = 0; i < half; i += 1) packed[i] = (codes[i] ?? 0) | ((codes[half + i] ?? 0) << 4);
  return packed;
}

import { BLOCK_COLUMNS } from "../graph/quantized.ts";

/** A matrix as `QuantizedMatrix` holds it. */
export interface PackedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 8;
  readonly packed: Uint8Array;
  readonly scales: Float32Array;
}

/** Shares of a block's greatest magnitude that are tried as the end of the 4-bit range. */
const RANGES = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7];

/** Blocks in a row of `columns`. */
export function blocksOf(columns: number): number {
  return Math.ceil(columns / BLOCK_COLUMNS);
}

/**
 * Rounds a matrix [rows, columns] to integers with a scale for every 32 columns. 8 bits: the scale is the block's greatest
 * magnitude over 127. 4 bits: of seven clipped ranges the one with the least squared error, for outliers cost the
 * other 31 numbers most of their precision.
 */
export function quantize(
  data: Float32Array,
  rows: number,
  columns: number,
  bits: 4 | 8,
): PackedMatrix {
  const blocks = blocksOf(columns);
  const bytes = (BLOCK_COLUMNS * bits) / 8;
  const packed = new Uint8Array(rows * blocks * bytes);
  const scales = new Float32Array(rows * blocks);
  const half = 2 ** (bits - 1);
  for (let row = 0; row < rows; row += 1) {
    for (let block = 0; block < blocks; block += 1) {
      const start = row * columns + block * BLOCK_COLUMNS;
      const end = Math.min(start + BLOCK_COLUMNS, (row + 1) * columns);
      const scale =
        bits === 8 ? greatest(data, start, end) / (half - 1) : bestScale(data, start, end);
      const at = row * blocks + block;
      scales[at] = scale;
      const target = packed.subarray(at * bytes, (at + 1) * bytes);
      // What lies beyond the row's end is zero, which is stored as half the range.
      target.fill(bits === 8 ? half : half * 16 + half);
      for (let i = start; i < end; i += 1) {
        write(target, i - start, bits, nearest(data[i] ?? 0, scale, half) + half);
      }
    }
  }
  return { rows, columns, bits, packed, scales };
}

function greatest(data: Float32Array, start: number, end: number): number {
  let most = 0;
  for (let i = start; i < end; i += 1) most = Math.max(most, Math.abs(data[i] ?? 0));
  return most;
}

function nearest(x: number, scale: number, half: number): number {
  if (scale === 0) return 0;
  return Math.min(half - 1, Math.max(-half, Math.round(x / scale)));
}

function bestScale(data: Float32Array, start: number, end: number): number {
  const most = greatest(data, start, end);
  let best = { scale: 0, error: Number.POSITIVE_INFINITY };
  for (const range of RANGES) {
    const scale = Math.fround((most * range) / 7);
    let error = 0;
    for (let i = start; i < end; i += 1) {
      const x = data[i] ?? 0;
      error += (x - nearest(x, scale, 8) * scale) ** 2;
    }
    if (error < best.error) best = { scale, error };
  }
  return best.scale;
}

function write(block: Uint8Array, index: number, bits: 4 | 8, value: number): void {
  if (bits === 8) {
    block[index] = value;
    return;
  }
  const at = index >> 1;
  const shift = 4 * (index & 1);
  block[at] = ((block[at] ?? 0) & ~(15 << shift)) | (value << shift);
}

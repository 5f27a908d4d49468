import assert from "node:assert/strict";
import { dimension } from "./shapes.ts";
import type { DType, Value } from "./value.ts";

export type IntegerBits = 4 | 8;

/** Rows of one block of integers, by their bits; those of a column share a scale. */
export const BLOCK_ROWS: Readonly<Record<IntegerBits, number>> = { 4: 16, 8: 32 };

/** A frozen matrix [rows, columns] in fewer bits than it is computed with. */
export interface PackedMatrix {
  readonly bits: IntegerBits | 16;
  readonly rows: number;
  /** 16 bits: f16 [rows, columns] alone. Integers: see `storedArrays`. */
  readonly stored: readonly Value[];
}

interface StoredArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * The arrays of a matrix of integers, in the order in which products take them. Its rows are filled up to whole
 * blocks. With 8 bits a number is scale * (byte - 128). With 4 bits it is scale * unit * (16 * nibble - zero); the
 * upper half of the matrix lies in the low halves of the bytes, the lower half in the high ones.
 */
export function storedArrays(
  bits: IntegerBits,
  rows: number,
  columns: number,
): readonly StoredArray[] {
  const blocks = blocksOf(rows, bits);
  const packed = [(blocks * BLOCK_ROWS[bits] * bits) / 8, columns];
  if (bits === 8) {
    return [
      { name: "packed", shape: packed, dtype: "u8" },
      { name: "scales", shape: [blocks, columns], dtype: "f32" },
    ];
  }
  return [
    { name: "packed", shape: packed, dtype: "u8" },
    { name: "scales", shape: [blocks, columns], dtype: "u8" },
    { name: "zeros", shape: [blocks, columns], dtype: "u8" },
    { name: "units", shape: [columns], dtype: "f32" },
  ];
}

/** Blocks of integers in a column of `rows`. */
export function blocksOf(rows: number, bits: IntegerBits): number {
  return Math.ceil(rows / BLOCK_ROWS[bits]);
}

/**
 * x @ W, or x @ W^T, for x f32 [n, k] and a packed W. Each product unpacks W for itself, and so does the gradient's.
 * No matrix is in memory in 32 bits from the forward to the backward pass (Dettmers et al. 2023, QLoRA, arXiv
 * 2305.14314).
 */
export function packedMatmul(x: Value, matrix: PackedMatrix, transpose = false): Value {
  const { bits, rows, stored } = matrix;
  const columns = dimension(stored[0]?.shape ?? [], 1);
  const [inner, outer] = transpose ? [columns, rows] : [rows, columns];
  assert.equal(dimension(x.shape, -1), inner, "x fits the matrix");
  const arrays = bits === 16 ? 1 : storedArrays(bits, rows, columns).length;
  assert.equal(stored.length, arrays, "all arrays of the matrix");
  return x.graph.value({
    op: "packedMatmul",
    inputs: [x, ...stored],
    shape: [dimension(x.shape, 0), outer],
    dtype: "f32",
    attributes: { bits, rows, transpose },
    vjp: (g) => [packedMatmul(g, matrix, !transpose)],
  });
}

/** f16 to f32 of the same shape. The values of a frozen table, so without a gradient. */
export function widen(half: Value): Value {
  assert.equal(half.dtype, "f16");
  return half.graph.value({ op: "widen", inputs: [half], shape: half.shape, dtype: "f32" });
}

import assert from "node:assert/strict";
import { dimension } from "./shapes.ts";
import type { Value } from "./value.ts";

/** Rows of one block of integers; those of a column share a scale. */
export const BLOCK_ROWS = 32;

/**
 * A frozen matrix [rows, columns] in fewer bits than it is computed with. Integers are stored with half their range added,
 * and their rows are filled up to whole blocks.
 */
export interface PackedMatrix {
  readonly bits: 4 | 8 | 16;
  readonly rows: number;
  /**
   * 16 bits: f16 [rows, columns]. 8: u8 [rows of the blocks, columns]. 4: u8 [half of them, columns], the upper half of the
   * matrix in the low halves of the bytes, the lower in the high ones.
   */
  readonly packed: Value;
  /** f32 [blocks, columns], of integers. */
  readonly scales?: Value;
}

/** Blocks of integers in a column of `rows`. */
export function blocksOf(rows: number): number {
  return Math.ceil(rows / BLOCK_ROWS);
}

/**
 * x @ W, or x @ W^T, for x f32 [n, k] and a packed W. Each product unpacks W for its own length, the gradient's too, so
 * that no matrix is in memory in 32 bits from the forward to the backward pass (Dettmers et al. 2023, QLoRA, arXiv 2305.14314).
 */
export function packedMatmul(x: Value, matrix: PackedMatrix, transpose = false): Value {
  const { bits, rows, packed, scales } = matrix;
  const columns = dimension(packed.shape, 1);
  const [inner, outer] = transpose ? [columns, rows] : [rows, columns];
  assert.equal(dimension(x.shape, -1), inner, "x fits the matrix");
  assert.equal(scales === undefined, bits === 16, "integers have scales");
  return x.graph.value({
    op: "packedMatmul",
    inputs: [x, packed, ...(scales === undefined ? [] : [scales])],
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

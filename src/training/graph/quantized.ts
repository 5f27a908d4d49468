import assert from "node:assert/strict";
import { mul } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { concat, reshape, slice } from "./movement.ts";
import { dimension } from "./shapes.ts";
import type { Value } from "./value.ts";

/** A matrix [rows, columns] in blocks of 2^k columns with one scale each; integers are stored with half their range added. */
export interface QuantizedMatrix {
  /** u8 [rows, blocks, bytes]: one integer in a byte, or two, the even column in the low half. */
  readonly packed: Value;
  /** f32 [rows, blocks] */
  readonly scales: Value;
  readonly bits: 4 | 8;
  readonly columns: number;
}

/** Columns of one block. */
export const BLOCK_COLUMNS = 32;

/**
 * x @ W^T for x [n, columns] and a quantised W [rows, columns]. The gradient passes through W as dequantised then: the
 * matrix in 32 bits exists for the length of one product only (Dettmers et al. 2023, QLoRA, arXiv 2305.14314).
 */
export function quantizedLinear(x: Value, matrix: QuantizedMatrix): Value {
  const { packed, scales, bits, columns } = matrix;
  assert.equal(dimension(x.shape, -1), columns, "x has the matrix's columns");
  return x.graph.value({
    op: "quantizedLinear",
    inputs: [x, packed, scales],
    shape: [dimension(x.shape, 0), dimension(packed.shape, 0)],
    dtype: x.dtype,
    attributes: { bits, columns },
    vjp: (g) => [timesQuantized(g, matrix), undefined, undefined],
  });
}

/** g @ W for g [n, rows]: [n, columns]. Even and odd columns of 4-bit matrices are multiplied apart and interleaved. */
function timesQuantized(g: Value, matrix: QuantizedMatrix): Value {
  if (matrix.bits === 8) return cut(matmul(g, dequantized(matrix, "whole")), matrix.columns);
  const halves = (["low", "high"] as const).map((part) => {
    const product = matmul(g, dequantized(matrix, part));
    return reshape(product, [...product.shape, 1]);
  });
  const pairs = concat(halves, 2);
  const [n = 0, half = 0] = pairs.shape;
  return cut(reshape(pairs, [n, 2 * half]), matrix.columns);
}

/** The last block may be longer than what is left of a row. */
function cut(x: Value, columns: number): Value {
  return slice(x, 1, 0, columns);
}

type Part = "whole" | "low" | "high";

/** The numbers of every byte, or of its low or high half, as f32 [rows, blocks * bytes]. */
export function dequantized({ packed, scales }: QuantizedMatrix, part: Part): Value {
  const [rows = 0, blocks = 0, bytes = 0] = packed.shape;
  const integers = unpack(packed, part);
  return reshape(mul(integers, reshape(scales, [rows, blocks, 1])), [rows, blocks * bytes]);
}

/** u8 to f32 of the same shape: each byte, or half of it, less half its range. */
export function unpack(packed: Value, part: Part): Value {
  assert.equal(packed.dtype, "u8");
  return packed.graph.value({
    op: "unpack",
    inputs: [packed],
    shape: packed.shape,
    dtype: "f32",
    attributes: { half: part === "whole" ? 0 : part === "low" ? 1 : 2 },
  });
}

import type { QuantizedMatrix } from "../../../src/training/base/quantize.ts";
import { BLOCK_ROWS } from "../../../src/training/graph/packed-matrix.ts";

/** The matrix [rows, columns] that the integers stand for, row-major. */
export function dequantized(matrix: QuantizedMatrix): Float32Array {
  const { rows, columns, bits, packed, scales } = matrix;
  const half = 2 ** (bits - 1);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const low = packed[i % packed.length] ?? 0;
    const integer = bits === 8 ? low : i < packed.length ? low & 15 : low >> 4;
    const block = Math.floor(i / columns / BLOCK_ROWS) * columns + (i % columns);
    return (integer - half) * (scales[block] ?? 0);
  });
}

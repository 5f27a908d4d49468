import { BLOCK_ROWS } from "../graph/packed-matrix.ts";
import type { QuantizedMatrix } from "./quantize.ts";

/** The matrix [rows, columns] that the integers stand for, row-major: what products unpack. */
export function dequantize(matrix: QuantizedMatrix): Float32Array {
  const { rows, columns, bits } = matrix;
  const number = bits === 8 ? byteReader(matrix) : nibbleReader(matrix);
  const result = new Float32Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row += 1) {
    const block = Math.floor(row / BLOCK_ROWS[bits]) * columns;
    for (let column = 0; column < columns; column += 1, at += 1) {
      result[at] = number(at, block + column, column);
    }
  }
  return result;
}

// --- internal ---

/** A number by its place, the place of its block, and its column. */
type Reader = (at: number, block: number, column: number) => number;

function byteReader({ stored: [packed, scales] }: QuantizedMatrix): Reader {
  return (at, block) => ((packed?.[at] ?? 0) - 128) * (scales?.[block] ?? 0);
}

function nibbleReader({ stored: [packed, scales, zeros, units] }: QuantizedMatrix): Reader {
  const half = packed?.length ?? 0;
  return (at, block, column) => {
    const code = at < half ? (packed?.[at] ?? 0) & 15 : (packed?.[at - half] ?? 0) >> 4;
    const scale = Math.fround((scales?.[block] ?? 0) * (units?.[column] ?? 0));
    return (16 * code - (zeros?.[block] ?? 0)) * scale;
  };
}

import { BLOCK_COLUMNS } from "../../../src/training/graph/quantized.ts";
import { blocksOf, type PackedMatrix } from "../../../src/training/models/quantize.ts";

/** The matrix that the integers stand for, row-major. */
export function dequantized({ rows, columns, bits, packed, scales }: PackedMatrix): Float32Array {
  const blocks = blocksOf(columns);
  const half = 2 ** (bits - 1);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const block = row * blocks + Math.floor(column / BLOCK_COLUMNS);
    const index = block * BLOCK_COLUMNS + (column % BLOCK_COLUMNS);
    const byte = packed[bits === 8 ? index : index >> 1] ?? 0;
    const integer = bits === 8 ? byte : (byte >> (4 * (index & 1))) & 15;
    return (integer - half) * (scales[block] ?? 0);
  });
}

import assert from "node:assert/strict";
import { numberOf } from "../graph/attributes.ts";
import { BLOCK_ROWS, blocksOf, type IntegerBits } from "../graph/packed-matrix.ts";
import { dimension } from "../graph/shapes.ts";
import type { Value } from "../graph/value.ts";
import type { Lowering } from "./lowering.ts";

/** TensorProto.FLOAT */
export const ONNX_FLOAT = 1;

/** A matrix of integers and the names of its arrays, see `storedArrays`. */
interface Stored {
  readonly arrays: readonly string[];
  readonly bits: IntegerBits;
  readonly blocks: number;
  readonly columns: number;
}

/** Gives f32 [rows of the blocks, columns]. */
type Dequantize = (to: Lowering, stored: Stored) => string;

/** A product with a packed matrix, which is unpacked in front of it; `dequantize` does so where it holds integers. */
export function packedMatmul(dequantize: Dequantize) {
  return (to: Lowering, value: Value, [x = "", ...arrays]: readonly string[]) => {
    const [bits, rows] = [numberOf(value, "bits"), numberOf(value, "rows")];
    const columns = dimension(value.inputs[1]?.shape ?? [], 1);
    const matrix = to.inFront(() => {
      if (bits === 16) return to.node("Cast", [arrays[0] ?? ""], { to: ONNX_FLOAT });
      assert.ok(bits === 4 || bits === 8);
      const blocks = blocksOf(rows, bits);
      return firstRows(to, dequantize(to, { arrays, bits, blocks, columns }), rows, bits);
    });
    return to.node("Gemm", [x, matrix], { transA: 0, transB: numberOf(value, "transpose") });
  };
}

/** The last block may be longer than what is left of the matrix. */
function firstRows(to: Lowering, matrix: string, rows: number, bits: IntegerBits): string {
  if (rows % BLOCK_ROWS[bits] === 0) return matrix;
  const [start, end, axis] = [to.integers([0]), to.integers([rows]), to.integers([0])];
  return to.node("Slice", [matrix, start, end, axis]);
}

/** One pass over the numbers, and one over half as many bytes where they have 4 bits. */
export const dequantized: Dequantize = (to, { arrays, bits, blocks, columns }) => {
  const [packed = "", scales = "", zeros = "", units = ""] = arrays;
  const attributes = { axis: 0, block_size: BLOCK_ROWS[bits] };
  if (bits === 8) {
    const zero = to.node("Expand", [byte(to, 128), to.integers([blocks, columns])]);
    return to.node("DequantizeLinear", [packed, scales, zero], attributes);
  }
  const factors = to.node("DequantizeLinear", [scales, units], { axis: 1 });
  return to.node("DequantizeLinear", [nibbles(to, packed), factors, zeros], attributes);
};

/** Low halves of all bytes, then the high ones, sixteen times what they count. */
function nibbles(to: Lowering, packed: string): string {
  const low = to.node("BitShift", [packed, byte(to, 4)], { direction: { text: "LEFT" } });
  const high = to.node("BitwiseAnd", [packed, byte(to, 0xf0)]);
  return to.node("Concat", [low, high], { axis: 0 });
}

/** `dequantized` without operations on bytes, which WebGPU has no kernels for. */
export const dequantizedAsFloats: Dequantize = (to, { arrays, bits, blocks, columns }) => {
  const [packed = "", scales = "", zeros = "", units = ""] = arrays;
  const floats = (bytes: string) => to.node("Cast", [bytes], { to: ONNX_FLOAT });
  const four = bits === 4;
  const numbers = four ? floatNibbles(to, floats(packed)) : floats(packed);
  const factors = four ? to.node("Mul", [floats(scales), units]) : scales;
  const middle = four ? inBlocks(to, floats(zeros), [blocks, 1, columns]) : to.scalar("f32", 128);
  const cube = inBlocks(to, numbers, [blocks, BLOCK_ROWS[bits], columns]);
  const centred = to.node("Sub", [cube, middle]);
  const scaled = to.node("Mul", [centred, inBlocks(to, factors, [blocks, 1, columns])]);
  return inBlocks(to, scaled, [blocks * BLOCK_ROWS[bits], columns]);
};

function inBlocks(to: Lowering, matrix: string, shape: readonly number[]): string {
  return to.node("Reshape", [matrix, to.integers(shape)]);
}

function floatNibbles(to: Lowering, bytes: string): string {
  const sixteen = to.scalar("f32", 16);
  const counted = to.node("Floor", [to.node("Mul", [bytes, to.scalar("f32", 1 / 16)])]);
  const high = to.node("Mul", [counted, sixteen]);
  const low = to.node("Mul", [to.node("Sub", [bytes, high]), sixteen]);
  return to.node("Concat", [low, high], { axis: 0 });
}

function byte(to: Lowering, value: number): string {
  return to.scalar("u8", value);
}

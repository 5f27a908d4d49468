import { numberOf } from "../graph/attributes.ts";
import { BLOCK_ROWS, blocksOf } from "../graph/packed-matrix.ts";
import { dimension } from "../graph/shapes.ts";
import type { Value } from "../graph/value.ts";
import type { Lowering } from "./lowering.ts";

/** TensorProto.FLOAT */
export const ONNX_FLOAT = 1;

/** A matrix of integers as it is stored: u8 `packed`, f32 `scales` [blocks, columns]. */
interface Stored {
  readonly packed: string;
  readonly scales: string;
  readonly bits: number;
  readonly blocks: number;
  readonly columns: number;
}

/** Gives f32 [rows of the blocks, columns]. */
type Dequantize = (to: Lowering, stored: Stored) => string;

/** A product with a packed matrix, which is unpacked in front of it; `dequantize` does so where it holds integers. */
export function packedMatmul(dequantize: Dequantize) {
  return (to: Lowering, value: Value, [x = "", packed = "", scales = ""]: readonly string[]) => {
    const [bits, rows] = [numberOf(value, "bits"), numberOf(value, "rows")];
    const columns = dimension(value.inputs[1]?.shape ?? [], 1);
    const whole = () => dequantize(to, { packed, scales, bits, blocks: blocksOf(rows), columns });
    const matrix = to.inFront(() =>
      bits === 16 ? to.node("Cast", [packed], { to: ONNX_FLOAT }) : firstRows(to, whole(), rows),
    );
    return to.node("Gemm", [x, matrix], { transA: 0, transB: numberOf(value, "transpose") });
  };
}

/** The last block may be longer than what is left of the matrix. */
function firstRows(to: Lowering, matrix: string, rows: number): string {
  if (rows % BLOCK_ROWS === 0) return matrix;
  const [start, end, axis] = [to.integers([0]), to.integers([rows]), to.integers([0])];
  return to.node("Slice", [matrix, start, end, axis]);
}

/** One pass over the numbers, and one over half as many bytes where they have 4 bits. */
export const dequantized: Dequantize = (to, { packed, scales, bits, blocks, columns }) => {
  const nibble = bits === 4;
  const integers = nibble ? nibbles(to, packed) : packed;
  const zero = to.node("Expand", [byte(to, nibble ? 8 : 128), to.integers([blocks, columns])]);
  const attributes = { axis: 0, block_size: BLOCK_ROWS };
  return to.node("DequantizeLinear", [integers, scales, zero], attributes);
};

/** Low halves of all bytes, then the high ones. */
function nibbles(to: Lowering, packed: string): string {
  const low = to.node("BitwiseAnd", [packed, byte(to, 15)]);
  const high = to.node("BitShift", [packed, byte(to, 4)], { direction: { text: "RIGHT" } });
  return to.node("Concat", [low, high], { axis: 0 });
}

/** `dequantized` without operations on bytes, which WebGPU has no kernels for. */
export const dequantizedAsFloats: Dequantize = (to, { packed, scales, bits, blocks, columns }) => {
  const constant = (x: number) => to.scalar("f32", x);
  const bytes = to.node("Cast", [packed], { to: ONNX_FLOAT });
  const integers = bits === 4 ? floatNibbles(to, bytes) : bytes;
  const centred = to.node("Sub", [integers, constant(bits === 4 ? 8 : 128)]);
  const cube = to.node("Reshape", [centred, to.integers([blocks, BLOCK_ROWS, columns])]);
  const factors = to.node("Reshape", [scales, to.integers([blocks, 1, columns])]);
  const scaled = to.node("Mul", [cube, factors]);
  return to.node("Reshape", [scaled, to.integers([blocks * BLOCK_ROWS, columns])]);
};

function floatNibbles(to: Lowering, bytes: string): string {
  const constant = (x: number) => to.scalar("f32", x);
  const high = to.node("Floor", [to.node("Mul", [bytes, constant(1 / 16)])]);
  const low = to.node("Sub", [bytes, to.node("Mul", [high, constant(16)])]);
  return to.node("Concat", [low, high], { axis: 0 });
}

function byte(to: Lowering, value: number): string {
  return to.scalar("u8", value);
}

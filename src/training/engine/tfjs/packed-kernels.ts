import assert from "node:assert/strict";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { numberOf } from "../../graph/attributes.ts";
import { BLOCK_ROWS, blocksOf } from "../../graph/packed-matrix.ts";
import { dimension } from "../../graph/shapes.ts";
import type { Value } from "../../graph/value.ts";
import type { TensorFlow } from "./backends.ts";

/** A product with a packed matrix, unpacked as a whole for its length: f16 comes as float32, bytes as int32. */
export function packedMatmul(tf: TensorFlow, value: Value, inputs: readonly Tensor[]): Tensor {
  const [x, ...stored] = inputs;
  assert.ok(x !== undefined && stored[0] !== undefined, "x and a matrix");
  const bits = numberOf(value, "bits");
  const matrix = bits === 16 ? stored[0] : dequantized(tf, value, stored);
  // A transpose within the product would be slow in wasm.
  const turned = numberOf(value, "transpose") === 1 ? tf.transpose(matrix) : matrix;
  return tf.matMul(x, turned as Tensor2D);
}

/** See `storedArrays`. */
function dequantized(tf: TensorFlow, value: Value, stored: readonly Tensor[]): Tensor {
  const [bits, rows] = [numberOf(value, "bits"), numberOf(value, "rows")];
  assert.ok(bits === 4 || bits === 8);
  const [packed, scales, zeros, units] = stored.map((array) => tf.cast(array, "float32"));
  assert.ok(packed !== undefined && scales !== undefined, "a matrix with scales");
  const [blocks, columns] = [blocksOf(rows, bits), dimension(packed.shape, 1)];
  const inBlocks = (array: Tensor) => tf.reshape(array, [blocks, -1, columns]);
  const numbers = bits === 8 ? packed : nibbles(tf, packed);
  const middle = zeros === undefined ? 128 : inBlocks(zeros);
  const factors = units === undefined ? scales : tf.mul(scales, units);
  const scaled = tf.mul(tf.sub(inBlocks(numbers), middle), inBlocks(factors));
  const matrix = tf.reshape(scaled, [blocks * BLOCK_ROWS[bits], columns]);
  return rows % BLOCK_ROWS[bits] === 0 ? matrix : tf.slice(matrix, [0, 0], [rows, columns]);
}

/** Low halves of all bytes, then the high ones, sixteen times what they count. */
function nibbles(tf: TensorFlow, bytes: Tensor): Tensor {
  const high = tf.mul(tf.floor(tf.div(bytes, 16)), 16);
  return tf.concat([tf.mul(tf.sub(bytes, high), 16), high], 0);
}

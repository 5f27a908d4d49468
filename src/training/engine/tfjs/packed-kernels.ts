import assert from "node:assert/strict";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { numberOf } from "../../graph/attributes.ts";
import { BLOCK_ROWS, blocksOf } from "../../graph/packed-matrix.ts";
import { dimension } from "../../graph/shapes.ts";
import type { Value } from "../../graph/value.ts";
import type { TensorFlow } from "./backends.ts";

/** A product with a packed matrix, unpacked as a whole for its length: f16 comes as float32, bytes as int32. */
export function packedMatmul(tf: TensorFlow, value: Value, inputs: readonly Tensor[]): Tensor {
  const [x, packed, scales] = inputs;
  assert.ok(x !== undefined && packed !== undefined, "x and a matrix");
  const matrix = scales === undefined ? packed : dequantized(tf, value, packed, scales);
  // A transpose within the product would be slow in wasm.
  const turned = numberOf(value, "transpose") === 1 ? tf.transpose(matrix) : matrix;
  return tf.matMul(x, turned as Tensor2D);
}

function dequantized(tf: TensorFlow, value: Value, packed: Tensor, scales: Tensor): Tensor {
  const [bits, rows] = [numberOf(value, "bits"), numberOf(value, "rows")];
  const [blocks, columns] = [blocksOf(rows), dimension(packed.shape, 1)];
  const bytes = tf.cast(packed, "float32");
  const integers = bits === 8 ? bytes : nibbles(tf, bytes);
  const cube = tf.reshape(tf.sub(integers, 2 ** (bits - 1)), [blocks, BLOCK_ROWS, columns]);
  const scaled = tf.mul(cube, tf.reshape(scales, [blocks, 1, columns]));
  const matrix = tf.reshape(scaled, [blocks * BLOCK_ROWS, columns]);
  return rows % BLOCK_ROWS === 0 ? matrix : tf.slice(matrix, [0, 0], [rows, columns]);
}

/** Low halves of all bytes, then the high ones. */
function nibbles(tf: TensorFlow, bytes: Tensor): Tensor {
  const high = tf.floor(tf.div(bytes, 16));
  return tf.concat([tf.sub(bytes, tf.mul(high, 16)), high], 0);
}

import assert from "node:assert/strict";
import type { Tensor } from "@tensorflow/tfjs-core";
import { axisOf, numberOf, numbersOf } from "../../graph/attributes.ts";
import { dimension } from "../../graph/shapes.ts";
import type { Op, Value } from "../../graph/value.ts";
import type { TensorFlow } from "./backends.ts";
import { packedMatmul } from "./packed-kernels.ts";

type Kernel = (tf: TensorFlow, value: Value, inputs: readonly Tensor[]) => Tensor;

function unary(apply: (tf: TensorFlow, x: Tensor, value: Value) => Tensor): Kernel {
  return (tf, value, [x]) => {
    assert.ok(x !== undefined, `${value.op} of one value`);
    return apply(tf, x, value);
  };
}

function binary(apply: (tf: TensorFlow, a: Tensor, b: Tensor, value: Value) => Tensor): Kernel {
  return (tf, value, [a, b]) => {
    assert.ok(a !== undefined && b !== undefined, `${value.op} of two values`);
    return apply(tf, a, b, value);
  };
}

type Reduce = (tf: TensorFlow, x: Tensor, axes: number[]) => Tensor;

function reduction(reduce: Reduce): Kernel {
  return unary((tf, x, value) => reduce(tf, x, [...numbersOf(value, "axes")]));
}

const matmul = binary((tf, a, b, value) => {
  const alpha = numberOf(value, "alpha");
  const product = (left: Tensor) =>
    tf.matMul(left, b, numberOf(value, "transposeA") === 1, numberOf(value, "transposeB") === 1);
  if (alpha === 1) return product(a);
  const result = dimension(value.shape, -1) * dimension(value.shape, -2);
  const left = dimension(a.shape, -1) * dimension(a.shape, -2);
  // The factor goes to the smaller of what it may be multiplied with.
  return result <= left ? tf.mul(product(a), alpha) : product(tf.mul(a, alpha));
});

const slice = unary((tf, x, value) => {
  const begin = value.shape.map((_, i) => (i === axisOf(value) ? numberOf(value, "start") : 0));
  return tf.slice(x, begin, [...value.shape]);
});

const pad = unary((tf, x, value) => {
  const [before, after] = [numberOf(value, "before"), numberOf(value, "after")];
  const none: [number, number] = [0, 0];
  return tf.pad(
    x,
    value.shape.map((_, i) => (i === axisOf(value) ? [before, after] : none)),
  );
});

/** Where element `columns[i]` of row i is in the matrix's elements, [rows]. */
function flatIndices(tf: TensorFlow, columns: Tensor, width: number): Tensor {
  const rows = columns.size;
  const starts = tf.range(0, rows * width, width, "int32");
  return tf.add(tf.reshape(columns, [rows]), starts);
}

// In wasm tf.gather is a hundred times slower than tf.gatherND.
const gatherRows = binary((tf, table, indices, value) => {
  const rows = tf.gatherND(table, tf.reshape(indices, [indices.size, 1]));
  return tf.reshape(rows, [...value.shape]);
});

const pickColumns = binary((tf, x, columns, value) => {
  const places = flatIndices(tf, columns, dimension(x.shape, 1));
  const picked = tf.gatherND(tf.reshape(x, [x.size]), tf.reshape(places, [columns.size, 1]));
  return tf.reshape(picked, [...value.shape]);
});

const placeColumns = binary((tf, x, columns, value) => {
  const [rows = 0, width = 0] = value.shape;
  const places = tf.reshape(flatIndices(tf, columns, width), [rows, 1]);
  const placed = tf.scatterND(places, tf.reshape(x, [rows]), [rows * width]);
  return tf.reshape(placed, [...value.shape]);
});

const scatterAddRows = binary((tf, x, indices, value) => {
  const rows = tf.reshape(x, [indices.size, dimension(value.shape, 1)]);
  return tf.scatterND(tf.reshape(indices, [indices.size, 1]), rows, [...value.shape]);
});

/** Operations that other ones take the place of before a graph is run. */
export type Rewritten = "custom" | "rope";

/** How each operation of the graph is computed with TensorFlow.js, where i64 values are int32 tensors. */
export const KERNELS: Readonly<Record<Exclude<Op, "input" | "constant" | Rewritten>, Kernel>> = {
  add: binary((tf, a, b) => tf.add(a, b)),
  sub: binary((tf, a, b) => tf.sub(a, b)),
  mul: binary((tf, a, b) => tf.mul(a, b)),
  neg: unary((tf, x) => tf.neg(x)),
  exp: unary((tf, x) => tf.exp(x)),
  log: unary((tf, x) => tf.log(x)),
  sqrt: unary((tf, x) => tf.sqrt(x)),
  reciprocal: unary((tf, x) => tf.reciprocal(x)),
  sigmoid: unary((tf, x) => tf.sigmoid(x)),
  erf: unary((tf, x) => tf.erf(x)),
  greaterOrEqual: binary((tf, a, b) => tf.greaterEqual(a, b)),
  matmul,
  packedMatmul,
  // f16 is float32 already when it is a tensor.
  widen: unary((tf, x) => tf.clone(x)),
  reshape: unary((tf, x, { shape }) => tf.reshape(x, [...shape])),
  transpose: unary((tf, x, value) => tf.transpose(x, [...numbersOf(value, "order")])),
  // Broadcasting with zeros is many times faster in wasm than Tile, which tf.broadcastTo uses.
  expand: unary((tf, x, { shape }) => tf.add(x, tf.zeros([...shape], x.dtype))),
  slice,
  pad,
  concat: (tf, value, inputs) => tf.concat([...inputs], axisOf(value)),
  gatherRows,
  scatterAddRows,
  pickColumns,
  placeColumns,
  sum: reduction((tf, x, axes) => tf.sum(x, axes, true)),
  sumSquares: reduction((tf, x, axes) => tf.sum(tf.square(x), axes, true)),
  max: reduction((tf, x, axes) => tf.max(x, axes, true)),
  softmax: unary((tf, x) => tf.softmax(x)),
};

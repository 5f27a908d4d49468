import { halfFloats } from "../../../../src/training/base/half-floats.ts";
import { quantize } from "../../../../src/training/base/quantize.ts";
import {
  add,
  erf,
  exp,
  log,
  mul,
  neg,
  reciprocal,
  scale,
  sigmoid,
  sqrt,
  sub,
} from "../../../../src/training/graph/elementwise.ts";
import {
  gatherRows,
  pickColumns,
  placeColumns,
  scatterAddRows,
} from "../../../../src/training/graph/indexing.ts";
import { linear, matmul } from "../../../../src/training/graph/matmul.ts";
import { concat, pad, reshape, slice, transpose } from "../../../../src/training/graph/movement.ts";
import { packedMatmul, storedArrays, widen } from "../../../../src/training/graph/packed-matrix.ts";
import { expand, sum } from "../../../../src/training/graph/reduction.ts";
import { rope } from "../../../../src/training/graph/rope.ts";
import { softmax, sumSquares } from "../../../../src/training/graph/softmax.ts";
import { floats, type Graph, sizeOf, type Value } from "../../../../src/training/graph/value.ts";
import { gelu, geluTanh, softcap, tanh } from "../../../../src/training/layers/activations.ts";
import {
  attention,
  causalAttention,
  causalMask,
  joinHeads,
  splitHeads,
} from "../../../../src/training/layers/attention.ts";
import {
  type HeadOptions,
  headLoss,
  logitLoss,
  markedLoss,
} from "../../../../src/training/layers/cross-entropy.ts";
import { gatedUnit } from "../../../../src/training/layers/gated-unit.ts";
import { layerNorm, rmsNorm } from "../../../../src/training/layers/normalisation.ts";
import { plainRotation, rotate } from "../../../../src/training/layers/rotation.ts";
import { normHeads, splitColumns } from "../../../../src/training/models/decoder-blocks.ts";
import { type Case, numbers } from "./finite-differences.ts";

/** sum(value * fixed numbers): every element of the value has a gradient of its own. */
export function weightedSum(value: Value): Value {
  const { graph, shape, dtype } = value;
  const weights = graph.constant(floats(dtype, numbers(sizeOf(shape), 9)), shape, dtype);
  const axes = shape.map((_, i) => i);
  return reshape(sum(mul(value, weights), axes), []);
}

function input(inputs: Readonly<Record<string, Value>>, name: string): Value {
  const value = inputs[name];
  if (value === undefined) throw new Error(`no input ${name}`);
  return value;
}

export const one = (
  shape: readonly number[],
  op: (x: Value) => Value,
  more: Partial<Case> = {},
): Case => ({
  shapes: { x: shape },
  build: (_graph, inputs) => op(input(inputs, "x")),
  ...more,
});
export const two = (
  a: readonly number[],
  b: readonly number[],
  op: (a: Value, b: Value) => Value,
): Case => ({
  shapes: { a, b },
  build: (_graph, inputs) => op(input(inputs, "a"), input(inputs, "b")),
});
const positive = { domain: (x: number) => 1.5 + x };
const indices = (graph: Graph, list: readonly number[], shape: readonly number[]) =>
  graph.constant(BigInt64Array.from(list, BigInt), shape, "i64");

/** One case or more for every operation that has a gradient. */
export const OPERATIONS: Readonly<Record<string, Case>> = {
  "add with broadcasting": two([2, 3], [3], add),
  "sub with broadcasting": two([2, 1, 3], [4, 1], sub),
  "mul with broadcasting": two([2, 3], [2, 1], mul),
  "mul of a value with itself": one([3], (x) => mul(x, x)),
  scale: one([3], (x) => scale(x, -2.5)),
  neg: one([3], neg),
  exp: one([3], exp),
  log: one([3], log, positive),
  sqrt: one([3], sqrt, positive),
  reciprocal: one([3], reciprocal, positive),
  sigmoid: one([3], sigmoid),
  erf: one([3], erf),
  reshape: one([2, 3], (x) => reshape(x, [3, 2])),
  transpose: one([2, 3, 4], (x) => transpose(x, [2, 0, 1])),
  slice: one([2, 5], (x) => slice(x, 1, 1, 4)),
  pad: one([2, 3], (x) => pad(x, 1, 2, 1)),
  concat: two([2, 3], [2, 1], (a, b) => concat([a, b], 1)),
  expand: one([2, 1, 3], (x) => expand(x, [4, 2, 5, 3])),
  sum: one([2, 3, 4], (x) => sum(x, [0, 2])),
  sumSquares: one([2, 3], (x) => sumSquares(x, [1])),
  softmax: one([2, 4], softmax),
  gatherRows: one([4, 3], (x) => gatherRows(x, indices(x.graph, [1, 3, 1], [3]))),
  scatterAddRows: one([3, 2], (x) => scatterAddRows(x, indices(x.graph, [1, 3, 1], [3]), 5)),
  pickColumns: one([3, 4], (x) => pickColumns(x, indices(x.graph, [0, 3, 3], [3, 1]))),
  placeColumns: one([3, 1], (x) => placeColumns(x, indices(x.graph, [0, 3, 3], [3, 1]), 4)),
  "matmul of matrices": two([2, 3], [3, 4], (a, b) => matmul(a, b, { alpha: 0.5 })),
  "matmul with transposed left": two([3, 2], [3, 4], (a, b) => matmul(a, b, { transposeA: true })),
  "matmul with transposed right": two([2, 3], [4, 3], linear),
  "matmul with both transposed": two([3, 2], [4, 3], (a, b) =>
    matmul(a, b, { transposeA: true, transposeB: true, alpha: -2 }),
  ),
  "batched matmul": two([2, 3, 2], [2, 2, 4], matmul),
  "batched matmul with both transposed": two([2, 3, 2], [2, 4, 3], (a, b) =>
    matmul(a, b, { transposeA: true, transposeB: true, alpha: 3 }),
  ),
  rope: one([2, 3, 8], (x) => {
    const table = (seed: number) =>
      x.graph.constant(floats(x.dtype, numbers(6, seed)), [3, 2], x.dtype);
    return rope(x, table(5), table(6));
  }),
};

/** Two query heads share each key head: the queries' second-last dimension is group * length = 2 * 3. */
const groupedAttention = (cap?: number): Case => ({
  shapes: { q: [2, 2, 6, 2], k: [2, 2, 3, 2], v: [2, 2, 3, 2] },
  build: (_graph, inputs) => {
    const q = input(inputs, "q");
    return attention(q, input(inputs, "k"), input(inputs, "v"), causalMask(q, 3, 2), cap);
  },
});

/** Five queries of two heads after one earlier position, in blocks of two, two and one. */
const attentionInBlocks = (more: { readonly window?: number; readonly cap?: number }): Case => ({
  shapes: { q: [2, 2, 10, 2], k: [2, 2, 6, 2], v: [2, 2, 6, 2] },
  build: (_graph, inputs) =>
    causalAttention(input(inputs, "q"), input(inputs, "k"), input(inputs, "v"), {
      group: 2,
      past: 1,
      block: 2,
      ...more,
    }),
});

/** The row in the middle counts nothing. */
const linearHead = (options: HeadOptions = {}): Case => ({
  shapes: { hidden: [3, 4], head: [5, 4] },
  build: (graph, inputs) => {
    const hidden = input(inputs, "hidden");
    const { dtype } = hidden;
    const weights = graph.constant(floats(dtype, [0.5, 0, 0.25]), [3, 1], dtype);
    const targets = indices(graph, [4, 0, 4], [3]);
    return headLoss(hidden, input(inputs, "head"), targets, weights, options).loss;
  },
});

/** What models are built from. */
export const BLOCKS: Readonly<Record<string, Case>> = {
  rmsNorm: two([3, 4], [4], (x, w) => rmsNorm(x, w, 1e-3)),
  layerNorm: {
    shapes: { x: [3, 4], weight: [4], bias: [4] },
    build: (_graph, inputs) =>
      layerNorm(input(inputs, "x"), input(inputs, "weight"), input(inputs, "bias"), 1e-3),
  },
  gelu: one([2, 5], (x) => gelu(scale(x, 3))),
  tanh: one([2, 3], tanh),
  "rotation of a part of each head": one([2, 3, 12], (x) =>
    rotate(x, plainRotation(4, 100), { headDim: 6, factor: 0.5, tableLength: 3 }),
  ),
  "normalised heads": two([3, 8], [4], (x, w) =>
    normHeads(x, "norm", 4, (heads) => rmsNorm(heads, w, 1e-3)),
  ),
  "columns that are split and used apart": one([2, 7], (x) => {
    const [a, b, c] = splitColumns(x, [2, 3, 2]);
    return concat([mul(c, a), exp(b), x], 1);
  }),
  softcap: one([2, 5], (x) => softcap(scale(x, 3), 2)),
  geluTanh: one([2, 5], (x) => geluTanh(scale(x, 3))),
  gatedUnit: two([2, 3], [2, 3], gatedUnit),
  "splitting and joining heads": one([6, 4], (x) => {
    const shape = { batch: 2, length: 3, heads: 2, headDim: 2 };
    return joinHeads(mul(splitHeads(x, shape), splitHeads(x, shape)), shape);
  }),
  "causal attention with grouped heads": groupedAttention(),
  "attention in blocks": attentionInBlocks({}),
  "attention in blocks with a window and a cap": attentionInBlocks({ window: 3, cap: 0.5 }),
  "causal attention with capped scores": groupedAttention(0.4),
  "cross-entropy of logits": one([3, 4], (x) => {
    const weights = x.graph.constant(floats(x.dtype, [0.5, 0, 0.25]), [3, 1], x.dtype);
    return logitLoss(x, indices(x.graph, [3, 0, 1], [3]), weights).loss;
  }),
  "cross-entropy of marked logits": one([3, 4], (x) => {
    const weights = x.graph.constant(floats(x.dtype, [0.5, 0, 0.25]), [3, 1], x.dtype);
    const marks = [1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1];
    return markedLoss(x, x.graph.constant(floats(x.dtype, marks), [3, 4], x.dtype), weights).loss;
  }),
  "cross-entropy of a linear head": linearHead(),
  "cross-entropy of a linear head with capped logits": linearHead({ cap: 0.8 }),
  "cross-entropy of a linear head in blocks of rows": linearHead({ block: 2 }),
  "cross-entropy of a linear head with capped logits, row by row": linearHead({
    cap: 0.8,
    block: 1,
  }),
};

/** Products with packed matrices; they have no 64-bit form, so finite differences do not check them. */
export const PACKED: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    ([4, 8] as const).flatMap((bits) =>
      [false, true].map((transpose) => [
        `packedMatmul of ${bits} bits${transpose ? ", transposed" : ""}`,
        // 40 rows: a whole block and a part of one.
        one([3, transpose ? 6 : 40], (x) => {
          const data = Float32Array.from(numbers(40 * 6, 4));
          const matrix = quantize(data, { rows: 40, columns: 6 }, bits);
          const stored = storedArrays(bits, 40, 6).map(({ name, shape, dtype }, i) =>
            x.graph.constant(matrix.stored[i] ?? new Uint8Array(), shape, dtype, `${name}${bits}`),
          );
          return packedMatmul(x, { bits, rows: 40, stored }, transpose);
        }),
      ]),
    ),
  ),
  ...Object.fromEntries(
    [false, true].map((transpose) => [
      `packedMatmul of f16${transpose ? ", transposed" : ""}`,
      one([3, transpose ? 6 : 40], (x) => {
        const data = halfFloats("matrix", Float32Array.from(numbers(40 * 6, 4)));
        const packed = x.graph.constant(data, [40, 6], "f16", "half matrix");
        return packedMatmul(x, { bits: 16, rows: 40, stored: [packed] }, transpose);
      }),
    ]),
  ),
  "widen of rows": one([3, 4], (x) => {
    const data = halfFloats("table", Float32Array.from(numbers(5 * 4, 4)));
    const table = x.graph.constant(data, [5, 4], "f16", "half table");
    const ids = x.graph.constant(BigInt64Array.of(4n, 0n, 4n), [3], "i64", "ids");
    return mul(x, widen(gatherRows(table, ids)));
  }),
};

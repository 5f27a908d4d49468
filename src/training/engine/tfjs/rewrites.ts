import assert from "node:assert/strict";
import { axisOf, numberOf } from "../../graph/attributes.ts";
import { add, mul, neg } from "../../graph/elementwise.ts";
import { computationOrder } from "../../graph/gradient.ts";
import { gatherRows } from "../../graph/indexing.ts";
import { matmul } from "../../graph/matmul.ts";
import { concat, reshape, transpose } from "../../graph/movement.ts";
import { expand } from "../../graph/reduction.ts";
import { dimension } from "../../graph/shapes.ts";
import { type Graph, type Op, sizeOf, type Value } from "../../graph/value.ts";
import type { Rewritten } from "./kernels.ts";

/** What takes a value's place, made from its inputs, which were rewritten before. */
type Rule = (value: Value, inputs: readonly Value[]) => Value;
export type Rules = Readonly<Partial<Record<Op, Rule>>>;

/** The same outputs with operations replaced as `rules` say. */
export function rewrite(
  outputs: Readonly<Record<string, Value>>,
  rules: Rules,
): Readonly<Record<string, Value>> {
  const rewritten = new Map<Value, Value>();
  const replacement = (value: Value): Value => rewritten.get(value) ?? value;
  for (const value of computationOrder(Object.values(outputs))) {
    const rule = rules[value.op] ?? withInputs;
    rewritten.set(value, rule(value, value.inputs.map(replacement)));
  }
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, replacement(value)]),
  );
}

function withInputs(value: Value, inputs: readonly Value[]): Value {
  const unchanged = inputs.every((input, i) => input === value.inputs[i]);
  return unchanged ? value : value.graph.value({ ...value, inputs });
}

const alias: Rule = (_value, [output]) => {
  assert.ok(output !== undefined, "the value that has a gradient of its own");
  return output;
};

/**
 * Rotary embedding as x * cosines + exchanged x * sines, with tables as wide as x: for constant tables they are made
 * once, and no product broadcasts over an inner dimension.
 */
const rotation: Rule = (value, [x, cosine, sine]) => {
  assert.ok(x !== undefined && cosine !== undefined && sine !== undefined, "rope of three values");
  const [batch = 0, length = 0, width = 0] = value.shape;
  const half = dimension(cosine.shape, 1);
  const heads = width / half / 2;
  const wide = (left: Value, right: Value) => {
    const head = reshape(concat([left, right], 1), [length, 1, 2 * half]);
    return reshape(expand(head, [length, heads, 2 * half]), [length * width]);
  };
  const halves = reshape(x, [2 * batch * length * heads, half]);
  const exchanged = Array.from({ length: dimension(halves.shape, 0) }, (_, i) => i ^ 1);
  const name = `exchange ${exchanged.length}`;
  const other = gatherRows(halves, indices(x.graph, name, exchanged));
  const rows = [batch, length * width];
  const turned = add(
    mul(reshape(x, rows), wide(cosine, cosine)),
    mul(reshape(other, rows), wide(neg(sine), sine)),
  );
  return reshape(turned, value.shape);
};

/** Below this many multiplications a product costs less than what would be done to make it faster. */
const SMALL_PRODUCT = 1 << 16;

/**
 * Only products of two whole matrices reach the fast kernel of wasm; batches and transposes are 10 to 60 times slower.
 * A transpose that several products share is one value, and one of a constant is made only once.
 */
const plainProducts: Rule = (value, inputs) => {
  const [a, b] = inputs;
  assert.ok(a !== undefined && b !== undefined, "matmul of two values");
  const alpha = numberOf(value, "alpha");
  const left = numberOf(value, "transposeA") === 1 ? swapped(a) : a;
  const right = numberOf(value, "transposeB") === 1 ? swapped(b) : b;
  const product =
    dimension(left.shape, -2) * dimension(left.shape, -1) * dimension(right.shape, -1);
  if (product < SMALL_PRODUCT) return withInputs(value, inputs);
  const batches = sizeOf(value.shape.slice(0, -2));
  const members = Array.from({ length: batches }, (_, i) =>
    matmul(member(left, batches, i), member(right, batches, i), { alpha }),
  );
  return reshape(concat(members, 0), value.shape);
};

/** x with its last two dimensions exchanged. */
function swapped(x: Value): Value {
  const order = x.shape.map((_, i) => i);
  return transpose(x, [...order.slice(0, -2), ...order.slice(-2).reverse()]);
}

/** Matrix `i` of a batch of them. */
function member(x: Value, batches: number, i: number): Value {
  const matrix = x.shape.slice(-2);
  if (batches === 1) return reshape(x, matrix);
  const rows = reshape(x, [batches, sizeOf(matrix)]);
  return reshape(gatherRows(rows, indices(x.graph, `member ${i}`, [i])), matrix);
}

/** A slice as a choice of rows as long as possible: the wasm kernel of Slice first copies the whole tensor. */
const chosenRows: Rule = (value, [x]) => {
  assert.ok(x !== undefined, "slice of one value");
  const axis = axisOf(value);
  const size = dimension(x.shape, axis);
  const [start, end] = [numberOf(value, "start"), numberOf(value, "end")];
  const unit = [size, start, end].reduce(greatestCommonDivisor);
  const outer = sizeOf(x.shape.slice(0, axis));
  const rows = reshape(x, [(outer * size) / unit, unit * sizeOf(x.shape.slice(axis + 1))]);
  const [every, first, last] = [size / unit, start / unit, end / unit];
  const chosen = Array.from({ length: outer * (last - first) }, (_, i) => {
    const block = Math.floor(i / (last - first));
    return block * every + first + (i % (last - first));
  });
  const name = `slice ${first} to ${last} of ${every}`;
  return reshape(gatherRows(rows, indices(x.graph, name, chosen)), value.shape);
};

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Row numbers as a constant; `name` and their count determine them. */
function indices(graph: Graph, name: string, rows: readonly number[]): Value {
  return graph.constant(BigInt64Array.from(rows, BigInt), [rows.length], "i64", name);
}

/** For every backend of TensorFlow.js, which has no operation for these. */
export const COMMON_RULES: Rules & Readonly<Record<Rewritten, Rule>> = {
  custom: alias,
  rope: rotation,
};
export const WASM_RULES: Rules = { ...COMMON_RULES, matmul: plainProducts, slice: chosenRows };

import assert from "node:assert/strict";
import { dimension, sameShape, withDimension } from "./shapes.ts";
import { type Shape, sizeOf, type Value } from "./value.ts";

/** The same elements in another shape. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  assert.equal(sizeOf(shape), sizeOf(x.shape), `[${x.shape}] reshapes to [${shape}]`);
  const source = x.op === "reshape" ? (x.inputs[0] ?? x) : x;
  if (sameShape(source.shape, shape)) return source;
  return source.graph.value({
    op: "reshape",
    inputs: [source],
    shape,
    dtype: x.dtype,
    vjp: (g) => [reshape(g, source.shape)],
  });
}

/** Dimension i of the result is dimension `order[i]` of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  const inverse = order.map((_, i) => order.indexOf(i));
  return x.graph.value({
    op: "transpose",
    inputs: [x],
    shape: order.map((axis) => dimension(x.shape, axis)),
    dtype: x.dtype,
    attributes: { order },
    vjp: (g) => [transpose(g, inverse)],
  });
}

/** Elements `start` to `end` (exclusive) of `axis`. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const size = dimension(x.shape, axis);
  assert.ok(0 <= start && start < end && end <= size, `slice ${start}:${end} of ${size}`);
  if (start === 0 && end === size) return x;
  return x.graph.value({
    op: "slice",
    inputs: [x],
    shape: withDimension(x.shape, axis, end - start),
    dtype: x.dtype,
    attributes: { axis, start, end },
    vjp: (g) => [pad(g, axis, start, size - end)],
  });
}

/** Zeros before and after along `axis`: the adjoint of `slice`. */
export function pad(x: Value, axis: number, before: number, after: number): Value {
  if (before === 0 && after === 0) return x;
  const size = dimension(x.shape, axis);
  return x.graph.value({
    op: "pad",
    inputs: [x],
    shape: withDimension(x.shape, axis, before + size + after),
    dtype: x.dtype,
    attributes: { axis, before, after },
    vjp: (g) => [slice(g, axis, before, before + size)],
  });
}

/** Joins values along `axis`. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  assert.ok(first !== undefined, "something to concatenate");
  if (values.length === 1) return first;
  const sizes = values.map((v) => dimension(v.shape, axis));
  const total = sizes.reduce((a, b) => a + b, 0);
  return first.graph.value({
    op: "concat",
    inputs: values,
    shape: withDimension(first.shape, axis, total),
    dtype: first.dtype,
    attributes: { axis },
    vjp: (g) => {
      let start = 0;
      return sizes.map((size) => {
        start += size;
        return slice(g, axis, start - size, start);
      });
    },
  });
}

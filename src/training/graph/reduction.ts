import { reshape } from "./movement.ts";
import { broadcast, sameShape } from "./shapes.ts";
import { type Op, type Shape, sizeOf, type Value, type Vjp } from "./value.ts";

/** A reduction of x over `axes`, which keep size 1. */
export function reduce(op: Op, x: Value, axes: readonly number[], vjp?: Vjp): Value {
  const shape = x.shape.map((dimension, i) => (axes.includes(i) ? 1 : dimension));
  return x.graph.value({
    op,
    inputs: [x],
    shape,
    dtype: x.dtype,
    attributes: { axes },
    ...(vjp === undefined ? {} : { vjp }),
  });
}

/** Sum over `axes`, which keep size 1. */
export function sum(x: Value, axes: readonly number[]): Value {
  return reduce("sum", x, axes, (g) => [expand(g, x.shape)]);
}

/** Greatest element over `axes`, which keep size 1; used for statistics only, so it has no gradient. */
export function max(x: Value, axes: readonly number[]): Value {
  return reduce("max", x, axes);
}

/** Repeats x along dimensions of size 1 until it has `shape`. */
export function expand(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  broadcast(x.shape, shape);
  return x.graph.value({
    op: "expand",
    inputs: [x],
    shape,
    dtype: x.dtype,
    vjp: (g) => [sumTo(g, x.shape)],
  });
}

/** The adjoint of broadcasting: sums x over the dimensions along which `shape` was repeated. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((d, i) =>
    i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : [],
  );
  const reduced = axes.length === 0 ? x : sum(x, axes);
  return sizeOf(shape) === sizeOf(reduced.shape) ? reshape(reduced, shape) : reduced;
}

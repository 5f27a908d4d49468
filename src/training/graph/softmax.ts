import { mul, scale, sub } from "./elementwise.ts";
import { reduce, sum } from "./reduction.ts";
import type { Value } from "./value.ts";

/** Sum of squares over `axes`, which keep size 1. */
export function sumSquares(x: Value, axes: readonly number[]): Value {
  return reduce("sumSquares", x, axes, (g) => [mul(scale(x, 2), g)]);
}

/** Softmax over the last axis; VJP y * (g - sum(g * y)). */
export function softmax(x: Value): Value {
  return x.graph.value({
    op: "softmax",
    inputs: [x],
    shape: x.shape,
    dtype: x.dtype,
    vjp: (g) => {
      const y = softmax(x);
      return [mul(y, sub(g, sum(mul(g, y), [x.shape.length - 1])))];
    },
  });
}

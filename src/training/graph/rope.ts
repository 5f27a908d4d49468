import assert from "node:assert/strict";
import { neg } from "./elementwise.ts";
import { dimension } from "./shapes.ts";
import type { Value } from "./value.ts";

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864), the two halves of each head rotated against each
 * other: x [batch, length, heads * headDim], tables [length, headDim / 2]. Linear in x, so its adjoint rotates back.
 */
export function rope(x: Value, cosine: Value, sine: Value): Value {
  assert.equal(x.shape.length, 3, "batch, length, width");
  assert.equal(
    dimension(x.shape, 1),
    dimension(cosine.shape, 0),
    "one row of the table per position",
  );
  return x.graph.value({
    op: "rope",
    inputs: [x, cosine, sine],
    shape: x.shape,
    dtype: x.dtype,
    vjp: (g) => [rope(g, cosine, neg(sine)), undefined, undefined],
  });
}

import assert from "node:assert/strict";
import { dimension, sameShape } from "./shapes.ts";
import type { Value } from "./value.ts";

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** The product is multiplied by this. */
  readonly alpha?: number;
}

/** alpha * op(a) @ op(b) over the last two dimensions; the leading ones must be equal. */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  const lead = a.shape.slice(0, -2);
  assert.ok(sameShape(lead, b.shape.slice(0, -2)), `batches of [${a.shape}] and [${b.shape}]`);
  const inner = dimension(a.shape, transposeA ? -2 : -1);
  assert.equal(inner, dimension(b.shape, transposeB ? -1 : -2), `[${a.shape}] @ [${b.shape}]`);
  const rows = dimension(a.shape, transposeA ? -1 : -2);
  const columns = dimension(b.shape, transposeB ? -2 : -1);
  return a.graph.value({
    op: "matmul",
    inputs: [a, b],
    shape: [...lead, rows, columns],
    dtype: a.dtype,
    attributes: { transposeA, transposeB, alpha },
    vjp: (g) => [
      transposeA
        ? matmul(b, g, { transposeA: transposeB, transposeB: true, alpha })
        : matmul(g, b, { transposeB: !transposeB, alpha }),
      transposeB
        ? matmul(g, a, { transposeA: true, transposeB: transposeA, alpha })
        : matmul(a, g, { transposeA: !transposeA, alpha }),
    ],
  });
}

/** x @ weight^T for x [rows, in] and weight [out, in]: how a linear layer is stored. */
export function linear(x: Value, weight: Value): Value {
  return matmul(x, weight, { transposeB: true });
}

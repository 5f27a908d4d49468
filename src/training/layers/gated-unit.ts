import { add, mul, sigmoid, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import type { Value } from "../graph/value.ts";

/**
 * SwiGLU's activation (Shazeer 2020, arXiv 2002.05202): silu(gate) * up, with silu(x) = x sigmoid(x).
 * With s = sigmoid(gate) and y = gate s, silu' = s + y - s y.
 */
export function gatedUnit(gate: Value, up: Value): Value {
  const s = sigmoid(gate);
  const y = mul(gate, s);
  return withGradient(mul(y, up), [gate, up], (gradient) => [
    mul(mul(gradient, up), sub(add(s, y), mul(s, y))),
    mul(gradient, y),
  ]);
}

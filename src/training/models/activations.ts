import { add, erf, exp, mul, scale, sigmoid, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import type { Value } from "../graph/value.ts";

/**
 * The exact Gaussian error linear unit (Hendrycks & Gimpel 2016, arXiv 1606.08415): x P(X <= x) for a standard normal X.
 * With that share p and the density d, gelu' = p + x d.
 */
export function gelu(x: Value): Value {
  const one = x.graph.scalar(1, x.dtype);
  const share = scale(add(erf(scale(x, Math.SQRT1_2)), one), 0.5);
  return withGradient(mul(x, share), [x], (gradient) => {
    const density = scale(exp(scale(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [mul(gradient, add(share, mul(x, density)))];
  });
}

/** The hyperbolic tangent, as 2 sigmoid(2 x) - 1. */
export function tanh(x: Value): Value {
  return sub(scale(sigmoid(scale(x, 2)), 2), x.graph.scalar(1, x.dtype));
}

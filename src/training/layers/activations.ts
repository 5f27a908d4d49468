import { add, erf, exp, mul, scale, sigmoid, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import type { Value } from "../graph/value.ts";

/**
 * The exact Gaussian error linear unit (Hendrycks & Gimpel 2016, arXiv 1606.08415): x P(X <= x) for a standard normal
 * X. With that share p and the density d, gelu' = p + x d.
 */
export function gelu(x: Value): Value {
  const one = x.graph.scalar(1, x.dtype);
  const share = scale(add(erf(scale(x, Math.SQRT1_2)), one), 0.5);
  return withGradient(mul(x, share), [x], (gradient) => {
    const density = scale(exp(scale(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [mul(gradient, add(share, mul(x, density)))];
  });
}

/** cap tanh(x / cap): near zero x itself, never beyond `cap` (Gemma 2). */
export function softcap(x: Value, cap: number): Value {
  return scale(tanh(scale(x, 1 / cap)), cap);
}

/** The derivative of `softcap`: 1 - tanh(x / cap)^2. */
export function softcapSlope(x: Value, cap: number): Value {
  const t = tanh(scale(x, 1 / cap));
  return sub(x.graph.scalar(1, x.dtype), mul(t, t));
}

/** The hyperbolic tangent, as 2 sigmoid(2 x) - 1. */
export function tanh(x: Value): Value {
  return sub(scale(sigmoid(scale(x, 2)), 2), x.graph.scalar(1, x.dtype));
}

/**
 * The tanh approximation of `gelu` (the same paper): x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
 * With s = sigmoid(2 u) and y = x s, the derivative is s + 2 u' (y - y s).
 */
export function geluTanh(x: Value): Value {
  const factor = 2 * Math.sqrt(2 / Math.PI);
  const square = mul(x, x);
  const along = (slope: number) =>
    add(scale(square, slope * factor), x.graph.scalar(factor, x.dtype));
  const share = sigmoid(mul(x, along(0.044715)));
  const y = mul(x, share);
  return withGradient(y, [x], (gradient) => {
    const change = mul(along(3 * 0.044715), sub(y, mul(y, share)));
    return [mul(gradient, add(share, change))];
  });
}

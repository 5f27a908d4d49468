import { add, mul, reciprocal, scale, sqrt, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import { sum, sumTo } from "../graph/reduction.ts";
import { dimension } from "../graph/shapes.ts";
import { sumSquares } from "../graph/softmax.ts";
import type { Value } from "../graph/value.ts";

/**
 * Root-mean-square normalisation (Zhang & Sennrich 2019, arXiv 1910.07467) over the last axis:
 * x / sqrt(mean(x^2) + epsilon) * weight, for x [rows, width] and weight [width].
 *
 * With r = 1 / sqrt(mean(x^2) + epsilon), n = r x and h = weight * gradient, dL/dx = r (h - n mean(h n)).
 */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const width = dimension(x.shape, -1);
  const last = [x.shape.length - 1];
  const meanSquare = scale(sumSquares(x, last), 1 / width);
  const inverse = reciprocal(sqrt(add(meanSquare, x.graph.scalar(epsilon, x.dtype))));
  const normal = mul(x, inverse);
  return withGradient(mul(normal, weight), [x, weight], (gradient) => {
    const h = mul(gradient, weight);
    const along = scale(sum(mul(h, normal), last), 1 / width);
    return [mul(sub(h, mul(normal, along)), inverse), sumTo(mul(gradient, normal), weight.shape)];
  });
}

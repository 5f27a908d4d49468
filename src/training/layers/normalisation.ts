import { add, mul, reciprocal, scale, sqrt, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import { sum, sumTo } from "../graph/reduction.ts";
import { dimension } from "../graph/shapes.ts";
import { sumSquares } from "../graph/softmax.ts";
import type { Value } from "../graph/value.ts";

/**
 * Layer normalisation (Ba et al. 2016, arXiv 1607.06450) over the last axis:
 * (x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias, for x [rows, width], weight and bias [width].
 *
 * With r = 1 / sqrt(var + epsilon), n = r (x - mean) and h = weight * gradient, dL/dx = r (h - mean(h) - n mean(h n)).
 */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  const width = dimension(x.shape, -1);
  const last = [x.shape.length - 1];
  const mean = (y: Value) => scale(sum(y, last), 1 / width);
  const centred = sub(x, mean(x));
  const variance = scale(sumSquares(centred, last), 1 / width);
  const inverse = reciprocal(sqrt(add(variance, x.graph.scalar(epsilon, x.dtype))));
  const normal = mul(centred, inverse);
  return withGradient(add(mul(normal, weight), bias), [x, weight, bias], (gradient) => {
    const h = mul(gradient, weight);
    const along = mul(normal, mean(mul(h, normal)));
    return [
      mul(sub(sub(h, mean(h)), along), inverse),
      sumTo(mul(gradient, normal), weight.shape),
      sumTo(gradient, bias.shape),
    ];
  });
}

/**
 * Root-mean-square normalisation (Zhang & Sennrich 2019, arXiv 1910.07467) over the last axis: x / sqrt(mean(x^2) +
 * epsilon) * weight, for x [rows, width] and weight [width].
 *
 * With r = 1 / sqrt(mean(x^2) + epsilon) and h = weight * gradient, dL/dx = r (h - r^2 x mean(h x)). It is in terms
 * of x, so that engines may compute the normalisation as one operation, and the normalised x is not kept.
 */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const width = dimension(x.shape, -1);
  const last = [x.shape.length - 1];
  const meanSquare = scale(sumSquares(x, last), 1 / width);
  const inverse = reciprocal(sqrt(add(meanSquare, x.graph.scalar(epsilon, x.dtype))));
  return withGradient(mul(mul(x, inverse), weight), [x, weight], (gradient) => {
    const h = mul(gradient, weight);
    const along = scale(mul(sum(mul(h, x), last), mul(inverse, inverse)), 1 / width);
    const scaled = mul(gradient, inverse);
    return [mul(sub(h, mul(x, along)), inverse), sumTo(mul(scaled, x), weight.shape)];
  });
}

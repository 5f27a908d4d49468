import { add, mul, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import { matmul } from "../graph/matmul.ts";
import { reshape, transpose } from "../graph/movement.ts";
import { sum } from "../graph/reduction.ts";
import { softmax } from "../graph/softmax.ts";
import type { Value } from "../graph/value.ts";
import { softcap, softcapSlope } from "./activations.ts";

/**
 * Scaled dot-product attention of grouped heads: query [batch, keyValueHeads, group * length, headDim] (already divided
 * by sqrt(headDim)), key and value [batch, keyValueHeads, length, headDim], mask [group * length, length] with a very
 * negative number where a query must not look.
 *
 * The query heads that share a key head lie below one another, so no key or value is ever repeated. Backward as in
 * FlashAttention (Dao et al. 2022, arXiv 2205.14135): dS = P * (dP - rowsum(dO * O)), which sums headDim columns
 * where the plain rule sums `length`. With `cap` no score goes beyond it.
 */
export function attention(
  query: Value,
  key: Value,
  value: Value,
  mask: Value,
  cap?: number,
): Value {
  const products = matmul(query, key, { transposeB: true });
  const scores = add(cap === undefined ? products : softcap(products, cap), mask);
  const shares = softmax(scores);
  const output = matmul(shares, value);
  return withGradient(output, [query, key, value], (gradient) => {
    const shareGradient = matmul(gradient, value, { transposeB: true });
    const scoreGradient = mul(shares, sub(shareGradient, sum(mul(gradient, output), [3])));
    const productGradient =
      cap === undefined ? scoreGradient : mul(scoreGradient, softcapSlope(products, cap));
    return [
      matmul(productGradient, key),
      matmul(productGradient, query, { transposeA: true }),
      matmul(shares, gradient, { transposeA: true }),
    ];
  });
}

export interface HeadShape {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly headDim: number;
}

/** [batch * length, heads * headDim] to [batch, heads, length, headDim]. */
export function splitHeads(x: Value, shape: HeadShape): Value {
  const { batch, length, heads, headDim } = shape;
  return transpose(reshape(x, [batch, length, heads, headDim]), [0, 2, 1, 3]);
}

/** The inverse of `splitHeads`. */
export function joinHeads(x: Value, shape: HeadShape): Value {
  const { batch, length, heads, headDim } = shape;
  const split = reshape(x, [batch, heads, length, headDim]);
  return reshape(transpose(split, [0, 2, 1, 3]), [batch * length, heads * headDim]);
}

/**
 * An additive mask [group * length, past + length] that hides the future, and what lies `window` positions back, from
 * each query. The queries are at the positions from `past` on.
 */
export function causalMask(
  like: Value,
  length: number,
  group: number,
  {
    window: wanted,
    past = 0,
  }: { readonly window?: number | undefined; readonly past?: number } = {},
): Value {
  const columns = past + length;
  const window = wanted ?? columns;
  const size = group * length * columns;
  const data = like.dtype === "f64" ? new Float64Array(size) : new Float32Array(size);
  for (let row = 0; row < group * length; row += 1) {
    const position = past + (row % length);
    const start = row * columns;
    data.fill(-1e9, start, start + Math.max(0, position - window + 1));
    data.fill(-1e9, start + position + 1, start + columns);
  }
  const name = `mask${length}x${group}/${Math.min(window, columns)}+${past}`;
  return like.graph.constant(data, [group * length, columns], like.dtype, name);
}

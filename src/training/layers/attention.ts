import { add, mul, sub } from "../graph/elementwise.ts";
import { withGradient } from "../graph/gradient.ts";
import { matmul } from "../graph/matmul.ts";
import { concat, pad, reshape, slice, transpose } from "../graph/movement.ts";
import { sum } from "../graph/reduction.ts";
import { dimension, type Span, spans } from "../graph/shapes.ts";
import { softmax } from "../graph/softmax.ts";
import type { Value } from "../graph/value.ts";
import { softcap, softcapSlope } from "./activations.ts";

/**
 * Scaled dot-product attention of grouped heads: query [batch, keyValueHeads, group * length, headDim] (already divided
 * by sqrt(headDim)), key and value [batch, keyValueHeads, length, headDim], mask [group * length, length] with a very
 * negative number where a query must not look.
 *
 * The query heads that share a key head lie below one another, so no key or value is ever repeated. With `cap` no score
 * goes beyond it.
 */
export function attention(
  query: Value,
  key: Value,
  value: Value,
  mask: Value,
  cap?: number,
): Value {
  const { output, backward } = attend(query, key, value, mask, cap);
  return withGradient(output, [query, key, value], backward);
}

interface Attended {
  readonly output: Value;
  /** The gradients of query, key and value from the output's. */
  backward(gradient: Value): readonly [Value, Value, Value];
}

/**
 * Attention and its backward as in FlashAttention (Dao et al. 2022, arXiv 2205.14135): dS = P * (dP - rowsum(dO * O)),
 * which sums headDim columns where the plain rule sums `length`.
 */
function attend(query: Value, key: Value, value: Value, mask: Value, cap?: number): Attended {
  const products = matmul(query, key, { transposeB: true });
  const scores = add(cap === undefined ? products : softcap(products, cap), mask);
  const shares = softmax(scores);
  const output = matmul(shares, value);
  return {
    output,
    backward(gradient) {
      const shareGradient = matmul(gradient, value, { transposeB: true });
      const scoreGradient = mul(shares, sub(shareGradient, sum(mul(gradient, output), [3])));
      const productGradient =
        cap === undefined ? scoreGradient : mul(scoreGradient, softcapSlope(products, cap));
      return [
        matmul(productGradient, key),
        matmul(productGradient, query, { transposeA: true }),
        matmul(shares, gradient, { transposeA: true }),
      ];
    },
  };
}

export interface CausalSettings {
  /** Query heads that share a key head. */
  readonly group: number;
  /** Positions before the first query's; keys and values are past + length. */
  readonly past: number;
  readonly window?: number | undefined;
  readonly cap?: number | undefined;
  /** What is hidden besides from the queries from `start` to `end`, [batch, 1, group * queries, past + end]. */
  readonly apart?: (start: number, end: number, group: number) => Value;
  /** Queries that are computed together; chosen by the length when absent. */
  readonly block?: number;
}

/** Scores of so few queries stay in a core's cache; more blocks than these make a program long to compile. */
const BLOCK_MIN = 64;
const BLOCKS_MAX = 8;

/**
 * `attention` that looks back only, in blocks of queries. Each block meets the keys up to its own end. So of long
 * sequences nearly half of the scores are never computed or kept, and the others are still in cache when they are
 * used.
 */
export function causalAttention(
  query: Value,
  key: Value,
  value: Value,
  { group, past, window, cap, apart, block }: CausalSettings,
): Value {
  const [batch = 0, heads = 0, rows = 0, headDim = 0] = query.shape;
  const length = rows / group;
  const size = block ?? Math.max(BLOCK_MIN, Math.ceil(length / BLOCKS_MAX));
  const rowsOf = (x: Value, { start, end }: Span) => {
    const grouped = reshape(x, [batch, heads, group, length, headDim]);
    return reshape(slice(grouped, 3, start, end), [batch, heads, group * (end - start), headDim]);
  };
  const joinRows = (blocks: readonly Value[]) => {
    const grouped = blocks.map((x) =>
      reshape(x, [batch, heads, group, dimension(x.shape, 2) / group, headDim]),
    );
    return reshape(concat(grouped, 3), query.shape);
  };
  const blocks = spans(length, size).map((span) => {
    const { start, end } = span;
    const seen = (x: Value) => slice(x, 2, 0, past + end);
    const causal = causalMask(query, end - start, group, { window, past: past + start });
    const mask = apart === undefined ? causal : add(causal, apart(start, end, group));
    return { span, ...attend(rowsOf(query, span), seen(key), seen(value), mask, cap) };
  });
  const output = joinRows(blocks.map((each) => each.output));
  return withGradient(output, [query, key, value], (gradient) => {
    const parts = blocks.map(({ span, backward }) => backward(rowsOf(gradient, span)));
    return [
      joinRows(parts.map(([ofQuery]) => ofQuery)),
      sumBeginnings(parts.map(([, ofKey]) => ofKey)),
      sumBeginnings(parts.map(([, , ofValue]) => ofValue)),
    ];
  });
}

/** The sum of values of growing length along axis 2, each with zeros after it. */
function sumBeginnings(values: readonly Value[]): Value {
  return values.reduce((sofar, each) => {
    const missing = dimension(each.shape, 2) - dimension(sofar.shape, 2);
    return add(each, pad(sofar, 2, 0, missing));
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

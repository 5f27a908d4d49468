import type { LlamaConfig } from "../files/base-model.ts";
import { add } from "../graph/elementwise.ts";
import { matmul } from "../graph/matmul.ts";
import { concat, reshape, slice } from "../graph/movement.ts";
import { rope } from "../graph/rope.ts";
import { softmax } from "../graph/softmax.ts";
import type { Graph, Value } from "../graph/value.ts";
import type { Observe } from "./causal-attention.ts";
import type { Attend } from "./llama.ts";

/** Names of a layer's cache inputs and of the new row that a step adds to them. */
export const cacheNames = (layer: number) => ({
  keys: `keys ${layer}`,
  values: `values ${layer}`,
  newKey: `new key ${layer}`,
  newValue: `new value ${layer}`,
});

/**
 * Attention of one new position over cached ones. Inputs: `keys` and `values` of each layer
 * [1, keyValueHeads, capacity, headDim]; `cosine`, `sine` [1, headDim / 2] of the position and the same divided by
 * sqrt(headDim) for the query; `mask` [capacity + 1], very negative where the cache is empty.
 * The new row is scored apart and joined after, so the cache is never copied.
 */
export function cachedAttention(
  graph: Graph,
  config: LlamaConfig,
  capacity: number,
  observe: Observe,
): Attend {
  const { heads, keyValueHeads, headDim } = config;
  const table = (name: string) => graph.input(name, [1, headDim / 2], "f32");
  const mask = graph.input("mask", [capacity + 1], "f32");
  const row = [1, keyValueHeads, 1, headDim];
  return (layer, q, k, v) => {
    const names = cacheNames(layer);
    const cacheShape = [1, keyValueHeads, capacity, headDim];
    const keys = graph.input(names.keys, cacheShape, "f32");
    const values = graph.input(names.values, cacheShape, "f32");
    const turn = (x: Value, width: number, tables: readonly [Value, Value]) =>
      rope(reshape(x, [1, 1, width * headDim]), ...tables);
    const query = turn(q, heads, [table("query cosine"), table("query sine")]);
    const grouped = reshape(query, [1, keyValueHeads, heads / keyValueHeads, headDim]);
    const key = reshape(turn(k, keyValueHeads, [table("cosine"), table("sine")]), row);
    const value = reshape(v, row);
    observe(layer, key, value);
    const score = (against: Value) => matmul(grouped, against, { transposeB: true });
    const shares = softmax(add(concat([score(keys), score(key)], 3), mask));
    const old = matmul(slice(shares, 3, 0, capacity), values);
    const fresh = matmul(slice(shares, 3, capacity, capacity + 1), value);
    return reshape(add(old, fresh), [1, heads * headDim]);
  };
}

import { add } from "../../graph/elementwise.ts";
import { matmul } from "../../graph/matmul.ts";
import { concat, reshape, slice } from "../../graph/movement.ts";
import { softmax } from "../../graph/softmax.ts";
import type { Graph, Value } from "../../graph/value.ts";
import { softcap } from "../../layers/activations.ts";
import { turnRows } from "../../layers/rotation.ts";
import type { Sequences } from "./sequences.ts";
import type { Observe } from "./whole-sequences.ts";

/** Names of a layer's cache inputs and of the new row that a step adds to them. */
export const cacheNames = (layer: number) => ({
  keys: `keys ${layer}`,
  values: `values ${layer}`,
  newKey: `new key ${layer}`,
  newValue: `new value ${layer}`,
});

/** Name of the mask for layers that see `window` positions back, or all. */
export function maskName(window: number | undefined): string {
  return window === undefined ? "mask" : `mask ${window}`;
}

/**
 * One new position after `capacity` cached ones. Inputs: `position` i64 [1]; `keys` and `values` of each layer
 * [1, keyValueHeads, capacity, headDim]; `mask` (one for each window) [capacity + 1], very negative where the new
 * position does not look. The new row is scored apart and joined after, so the cache is never copied.
 */
export function cachedSequence(graph: Graph, capacity: number, observe: Observe): Sequences {
  const position = graph.input("position", [1], "i64");
  const places = { batch: 1, length: 1, reach: capacity, end: capacity + 1, positions: position };
  return {
    // What stands before the sequence is in the cache.
    after() {
      return this;
    },
    positions: () => position,
    attend(layer, { query: q, key: k, value: v }, settings) {
      const { heads, keyValueHeads, headDim } = settings;
      const names = cacheNames(layer);
      const row = [1, keyValueHeads, 1, headDim];
      const cacheShape = [1, keyValueHeads, capacity, headDim];
      const keys = graph.input(names.keys, cacheShape, "f32");
      const values = graph.input(names.values, cacheShape, "f32");
      const mask = graph.input(maskName(settings.window), [capacity + 1], "f32");
      const turned = (x: Value, factor: number) => turnRows(x, places, settings, factor);
      const grouped = reshape(turned(q, settings.scale), [
        1,
        keyValueHeads,
        heads / keyValueHeads,
        headDim,
      ]);
      const key = reshape(turned(k, 1), row);
      const value = reshape(v, row);
      observe(layer, key, value);
      const score = (against: Value) => matmul(grouped, against, { transposeB: true });
      const products = concat([score(keys), score(key)], 3);
      const { cap } = settings;
      const scores = cap === undefined ? products : softcap(products, cap);
      const shares = softmax(add(scores, mask));
      const old = matmul(slice(shares, 3, 0, capacity), values);
      const fresh = matmul(slice(shares, 3, capacity, capacity + 1), value);
      return reshape(add(old, fresh), [1, heads * headDim]);
    },
  };
}

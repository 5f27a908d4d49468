import { scale } from "../graph/elementwise.ts";
import { reshape } from "../graph/movement.ts";
import type { Graph, Value } from "../graph/value.ts";
import { attention, causalMask, joinHeads, splitHeads } from "./attention.ts";
import type { AttentionSettings, Sequences } from "./blocks.ts";
import { rotate, rotationFor } from "./rotation.ts";

/** Called with a layer's rotated keys and its values, [batch, keyValueHeads, length, headDim]. */
export type Observe = (layer: number, key: Value, value: Value) => void;

/**
 * `batch` whole sequences of `length` positions each below one another, every position seeing those before it. They are
 * the beginnings of sequences that will have `reach` positions.
 */
export function wholeSequences(
  batch: number,
  length: number,
  observe?: Observe,
  reach = length,
): Sequences {
  return {
    positions: (graph: Graph) => positionsOf(graph, batch, length),
    attend(layer, { query: q, key: k, value: v }, settings) {
      const { heads, keyValueHeads, headDim } = settings;
      const queryShape = { batch, length, heads, headDim };
      const keyShape = { batch, length, heads: keyValueHeads, headDim };
      const turned = (x: Value, factor: number) =>
        turn(x, { batch, length, reach }, settings, factor);
      const query = splitHeads(turned(q, settings.scale), queryShape);
      const key = splitHeads(turned(k, 1), keyShape);
      const value = splitHeads(v, keyShape);
      observe?.(layer, key, value);
      const group = heads / keyValueHeads;
      const grouped = reshape(query, [batch, keyValueHeads, group * length, headDim]);
      const mask = causalMask(q, length, group, settings.window);
      return joinHeads(attention(grouped, key, value, mask, settings.cap), queryShape);
    },
  };
}

/** 0 to length - 1 for each of `batch` sequences, i64 [batch * length]. */
export function positionsOf(graph: Graph, batch: number, length: number): Value {
  const data = BigInt64Array.from({ length: batch * length }, (_, row) => BigInt(row % length));
  return graph.constant(data, [batch * length], "i64", `positions${batch}x${length}`);
}

/** Rows [batch * length, width] rotated by their positions, times `factor`. */
function turn(
  x: Value,
  { batch, length, reach }: { batch: number; length: number; reach: number },
  { rotation, headDim }: AttentionSettings,
  factor: number,
): Value {
  if (rotation === undefined) return factor === 1 ? x : scale(x, factor);
  const [rows = 0, width = 0] = x.shape;
  const sequences = reshape(x, [batch, length, width]);
  const options = { headDim, factor, tableLength: length };
  const turned = rotate(sequences, rotationFor(reach, rotation), options);
  return reshape(turned, [rows, width]);
}

import { scale } from "../../graph/elementwise.ts";
import type { Graph } from "../../graph/value.ts";
import { attention, joinHeads, splitHeads } from "../../layers/attention.ts";
import type { Sequences } from "./sequences.ts";
import { positionsOf } from "./whole-sequences.ts";

/**
 * `batch` whole sequences of `length` positions, every position seeing all that are not padding. Input `padding`
 * [batch, 1, 1, length]: very negative where a row has ended, else zero.
 */
export function paddedSequences(graph: Graph, batch: number, length: number): Sequences {
  const padding = graph.input("padding", [batch, 1, 1, length], "f32");
  return {
    positions: (to: Graph) => positionsOf(to, batch, length),
    attend(_layer, projected, { heads, keyValueHeads, headDim, scale: factor }) {
      const split = (x: typeof padding) => splitHeads(x, { batch, length, heads, headDim });
      if (heads !== keyValueHeads) throw new Error("no encoder shares keys between heads");
      const query = split(scale(projected.query, factor));
      const attended = attention(query, split(projected.key), split(projected.value), padding);
      return joinHeads(attended, { batch, length, heads, headDim });
    },
  };
}

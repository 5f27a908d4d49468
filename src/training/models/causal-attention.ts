import type { LlamaConfig } from "../files/base-model.ts";
import { reshape } from "../graph/movement.ts";
import { rope } from "../graph/rope.ts";
import { type DType, floats, type Graph, type Value } from "../graph/value.ts";
import { attention, causalMask, joinHeads, splitHeads } from "./attention.ts";
import type { Attend } from "./llama.ts";

/** Rotation angles' cosines and sines, [positions, headDim / 2] each, times `factor`. */
export function rotationTables(
  config: LlamaConfig,
  positions: readonly number[],
  factor: number,
): { readonly cosine: number[]; readonly sine: number[] } {
  const half = config.headDim / 2;
  const angles = positions.flatMap((position) =>
    Array.from(
      { length: half },
      (_, i) => position / config.ropeTheta ** ((2 * i) / config.headDim),
    ),
  );
  return {
    cosine: angles.map((angle) => Math.cos(angle) * factor),
    sine: angles.map((angle) => Math.sin(angle) * factor),
  };
}

/** `factor`-scaled rotation tables for positions 0 to length - 1 as constants of the graph. */
function tables(graph: Graph, config: LlamaConfig, length: number, factor: number, dtype: DType) {
  const positions = Array.from({ length }, (_, position) => position);
  const { cosine, sine } = rotationTables(config, positions, factor);
  const shape = [length, config.headDim / 2];
  return [
    graph.constant(floats(dtype, cosine), shape, dtype, `cosine${length}x${factor}`),
    graph.constant(floats(dtype, sine), shape, dtype, `sine${length}x${factor}`),
  ] as const;
}

/** Called with a layer's rotated keys and its values, [batch, keyValueHeads, length, headDim]. */
export type Observe = (layer: number, key: Value, value: Value) => void;

/** Causal self-attention over whole sequences: rows are [batch * length]. */
export function causalAttention(
  config: LlamaConfig,
  batch: number,
  length: number,
  observe?: Observe,
): Attend {
  const { heads, keyValueHeads, headDim } = config;
  const group = heads / keyValueHeads;
  const queryShape = { batch, length, heads, headDim };
  const keyShape = { batch, length, heads: keyValueHeads, headDim };
  let mask: Value | undefined;
  return (layer, q, k, v) => {
    const { graph, dtype } = q;
    mask ??= causalMask(q, length, group);
    // The 1 / sqrt(headDim) of attention is folded into the query's rotation.
    const turn = (x: Value, width: number, factor: number) => {
      const turned = rope(
        reshape(x, [batch, length, width * headDim]),
        ...tables(graph, config, length, factor, dtype),
      );
      return reshape(turned, [batch * length, width * headDim]);
    };
    const query = splitHeads(turn(q, heads, 1 / Math.sqrt(headDim)), queryShape);
    const key = splitHeads(turn(k, keyValueHeads, 1), keyShape);
    const value = splitHeads(v, keyShape);
    observe?.(layer, key, value);
    const grouped = reshape(query, [batch, keyValueHeads, group * length, headDim]);
    return joinHeads(attention(grouped, key, value, mask), queryShape);
  };
}

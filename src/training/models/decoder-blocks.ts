import { z } from "zod";
import { reshape } from "../graph/movement.ts";
import { sizeOf, type Value } from "../graph/value.ts";
import type { AttentionSettings, Blocks, Projected } from "./blocks.ts";

/** A normalisation of rows with the weight of this name. */
export type Norm = (x: Value, name: string) => Value;

/** `norm` over each head of x [rows, heads * headDim] by itself. */
export function normHeads(x: Value, name: string, headDim: number, norm: Norm): Value {
  return reshape(norm(reshape(x, [sizeOf(x.shape) / headDim, headDim]), name), x.shape);
}

/**
 * Attention with the layers q_proj, k_proj, v_proj and o_proj of module `at` over h [rows, hiddenSize]; `headNorm`
 * normalises the heads of query and key with q_norm and k_norm.
 */
export function projectedAttention(
  blocks: Blocks,
  layer: number,
  at: string,
  h: Value,
  settings: AttentionSettings & { readonly headNorm?: Norm },
): Value {
  const { headNorm, headDim } = settings;
  const project = (name: "q" | "k" | "v") => blocks.linear(`${at}.${name}_proj`, h);
  const normed = (name: "q" | "k") =>
    headNorm === undefined
      ? project(name)
      : normHeads(project(name), `${at}.${name}_norm`, headDim, headNorm);
  const projected: Projected = { query: normed("q"), key: normed("k"), value: project("v") };
  return blocks.linear(`${at}.o_proj`, blocks.attend(layer, projected, settings));
}

/** down_proj(unit(gate_proj(u), up_proj(u))) of module `at`. */
export function gatedMlp(
  blocks: Blocks,
  at: string,
  u: Value,
  unit: (gate: Value, up: Value) => Value,
): Value {
  const gate = blocks.linear(`${at}.gate_proj`, u);
  const up = blocks.linear(`${at}.up_proj`, u);
  return blocks.linear(`${at}.down_proj`, unit(gate, up));
}

/** config.json's `layer_types`, where a class has layers with and without a window. */
export const layerTypes = z
  .array(z.enum(["full_attention", "sliding_attention"]))
  .max(512)
  .nullish();

/** How far back each layer sees: `window` in layers that `types` or else `isLocal` name; undefined when none does. */
export function windowsOf(
  layers: number,
  window: number | null,
  types: z.infer<typeof layerTypes>,
  isLocal: (layer: number) => boolean,
): readonly (number | null)[] | undefined {
  const windows = Array.from({ length: layers }, (_, layer) => {
    const local =
      types === null || types === undefined ? isLocal(layer) : types[layer] === "sliding_attention";
    return local ? window : null;
  });
  return windows.some((each) => each !== null) ? windows : undefined;
}

/** The windows that layers use, each size once. */
export function distinctWindows(windows: readonly (number | null)[]): readonly number[] {
  return [...new Set(windows)].filter((window) => window !== null);
}

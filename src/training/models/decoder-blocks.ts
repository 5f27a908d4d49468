import { z } from "zod";
import { reshape, slice } from "../graph/movement.ts";
import { sizeOf, type Value } from "../graph/value.ts";
import { layerNorm, rmsNorm } from "../layers/normalisation.ts";
import type { Blocks } from "./blocks.ts";
import type { AttentionSettings, Projected } from "./sequences/sequences.ts";

/** A normalisation of rows with the weights of module `name`. */
export type Norm = (x: Value, name: string) => Value;

/** Layer normalisation with the weight and bias of a module. */
export function normWithBias(blocks: Blocks, epsilon: number): Norm {
  return (x, name) =>
    layerNorm(x, blocks.weight(`${name}.weight`), blocks.weight(`${name}.bias`), epsilon);
}

/** Root-mean-square normalisation with the weight of a module. */
export function normByRoot(blocks: Blocks, epsilon: number): Norm {
  return (x, name) => rmsNorm(x, blocks.weight(`${name}.weight`), epsilon);
}

/** Parts of the columns of x [rows, width], these many each. */
export function splitColumns<const Widths extends readonly number[]>(
  x: Value,
  widths: Widths,
): { readonly [i in keyof Widths]: Value } {
  let start = 0;
  const parts = widths.map((width) => {
    start += width;
    return slice(x, 1, start - width, start);
  });
  return parts as unknown as { readonly [i in keyof Widths]: Value };
}

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

/** Short names for query, key and value where one linear layer makes all three. */
export function fusedTargets(module: string): Readonly<Record<"q" | "k" | "v" | "qkv", string>> {
  return { q: module, k: module, v: module, qkv: module };
}

/** The windows that layers use, each size once. */
export function distinctWindows(windows: readonly (number | null)[]): readonly number[] {
  return [...new Set(windows)].filter((window) => window !== null);
}

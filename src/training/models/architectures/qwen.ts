import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { checkPerLayer, dimension } from "../config-fields.ts";
import { layerTypes, windowsOf } from "../decoder-blocks.ts";
import type { Architecture } from "../definition.ts";
import {
  biasedTargets,
  type LlamaConfig,
  llamaFields,
  llamaModel,
  sharedLlamaConfig,
} from "./llama.ts";

const schema = z.object({
  ...llamaFields,
  num_key_value_heads: llamaFields.num_key_value_heads.default(32),
  max_position_embeddings: dimension.default(32_768),
  attention_bias: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  sliding_window: dimension.nullish().default(4096),
  max_window_layers: z.number().int().min(0).max(4096).default(28),
  layer_types: layerTypes,
});
type RawConfig = z.infer<typeof schema>;

function qwenConfig(raw: RawConfig, file: string): LlamaConfig {
  const config = sharedLlamaConfig(raw, { theta: 10_000, ids: null }, file);
  checkPerLayer(config.layers, { layer_types: raw.layer_types }, file);
  const window = raw.use_sliding_window ? raw.sliding_window : null;
  const isLocal = (layer: number) => layer >= raw.max_window_layers;
  const layerWindows = windowsOf(config.layers, window, raw.layer_types, isLocal);
  return layerWindows === undefined ? config : { ...config, layerWindows };
}

/** Qwen2 (Yang et al. 2024, arXiv 2407.10671): Llama with biases on query, key and value. */
export const QWEN2: Architecture = {
  names: ["Qwen2ForCausalLM"],
  modelType: "qwen2",
  define(json, file) {
    const config = qwenConfig(checkShape(json, schema, file), file);
    return llamaModel({ ...config, biases: ["q", "k", "v"] }, "Qwen2ForCausalLM");
  },
};

/** Qwen3 (Yang et al. 2025, arXiv 2505.09388): Llama with normalised heads of query and key. */
export const QWEN3: Architecture = {
  names: ["Qwen3ForCausalLM"],
  modelType: "qwen3",
  define(json, file) {
    const raw = checkShape(json, schema, file);
    const config = qwenConfig({ ...raw, head_dim: raw.head_dim ?? 128 }, file);
    const biases = biasedTargets(raw.attention_bias, false);
    return llamaModel({ ...config, ...biases, headNorms: true }, "Qwen3ForCausalLM");
  },
};

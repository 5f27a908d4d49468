import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { USUAL_IDS } from "../../files/token-fields.ts";
import { checkPerLayer, dimension, layerCount } from "../config-fields.ts";
import { layerTypes, windowsOf } from "../decoder-blocks.ts";
import type { Architecture } from "../definition.ts";
import { biasedTargets, llamaFields, llamaModel, sharedLlamaConfig } from "./llama.ts";

const schema = z.object({
  ...llamaFields,
  num_key_value_heads: llamaFields.num_key_value_heads.default(4),
  max_position_embeddings: dimension.default(32_768),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  /** 1 where a layer rotates, 0 where it does not. */
  no_rope_layers: z.array(z.number().int().min(0).max(1)).max(512).nullish(),
  no_rope_layer_interval: layerCount.default(4),
  use_sliding_window: z.boolean().default(false),
  sliding_window: dimension.nullish(),
  layer_types: layerTypes,
});

const DEFAULTS = { theta: 2_000_000, ids: USUAL_IDS.smollm3 };

/** SmolLM3 (Bakouch et al. 2025): Llama, every fourth layer of which has no rotation. */
export const SMOLLM3: Architecture = {
  names: ["SmolLM3ForCausalLM"],
  modelType: "smollm3",
  define(json, file) {
    const raw = checkShape(json, schema, file);
    const config = sharedLlamaConfig(raw, DEFAULTS, file);
    const { layer_types, no_rope_layers } = raw;
    checkPerLayer(config.layers, { layer_types, no_rope_layers }, file);
    const rotates = (layer: number) =>
      (raw.no_rope_layers?.[layer] ?? Number((layer + 1) % raw.no_rope_layer_interval !== 0)) === 1;
    const unrotated = Array.from({ length: config.layers }, (_, layer) => layer).filter(
      (layer) => !rotates(layer),
    );
    const window = raw.use_sliding_window ? (raw.sliding_window ?? null) : null;
    const isLocal = (layer: number) => !rotates(layer);
    const layerWindows = windowsOf(config.layers, window, raw.layer_types, isLocal);
    const windows = layerWindows === undefined ? {} : { layerWindows };
    const biases = biasedTargets(raw.attention_bias, raw.mlp_bias);
    return llamaModel({ ...config, ...biases, ...windows, unrotated }, "SmolLM3ForCausalLM");
  },
};

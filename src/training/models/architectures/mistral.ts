import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { USUAL_IDS } from "../../files/token-fields.ts";
import { dimension } from "../config-fields.ts";
import { windowsOf } from "../decoder-blocks.ts";
import type { Architecture } from "../definition.ts";
import { llamaFields, llamaModel, sharedLlamaConfig } from "./llama.ts";

const schema = z.object({
  ...llamaFields,
  num_key_value_heads: llamaFields.num_key_value_heads.default(8),
  max_position_embeddings: dimension.default(131_072),
  sliding_window: dimension.nullish().default(4096),
});

/** Mistral (Jiang et al. 2023, arXiv 2310.06825): Llama whose layers may see a window only. */
export const MISTRAL: Architecture = {
  names: ["MistralForCausalLM"],
  modelType: "mistral",
  define(json, file) {
    const raw = checkShape(json, schema, file);
    const config = sharedLlamaConfig(raw, { theta: 10_000, ids: USUAL_IDS.mistral }, file);
    const layerWindows = windowsOf(config.layers, raw.sliding_window, null, () => true);
    const windows = layerWindows === undefined ? {} : { layerWindows };
    return llamaModel({ ...config, ...windows }, "MistralForCausalLM");
  },
};

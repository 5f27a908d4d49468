import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { USUAL_IDS } from "../../files/token-fields.ts";
import { add } from "../../graph/elementwise.ts";
import { gatedUnit } from "../../layers/gated-unit.ts";
import { dimension, positive } from "../config-fields.ts";
import {
  distinctWindows,
  fusedTargets,
  normByRoot,
  splitColumns,
  windowsOf,
} from "../decoder-blocks.ts";
import { definedSizes } from "../decoder-sizes.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { Inventory } from "../inventory.ts";
import { turningPoints } from "../rotary-scaling.ts";
import { attentionOf, type LlamaConfig, llamaFields, sharedLlamaConfig } from "./llama.ts";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";
const TARGETS = {
  qkv: "self_attn.qkv_proj",
  o: "self_attn.o_proj",
  up: "mlp.gate_up_proj",
  down: "mlp.down_proj",
} as const;

const schema = z.object({
  ...llamaFields,
  rms_norm_eps: positive.max(1).default(1e-5),
  max_position_embeddings: dimension.default(4096),
  original_max_position_embeddings: dimension.default(4096),
  sliding_window: dimension.nullish(),
});

/** Phi-3 and Phi-4-mini (Abdin et al. 2024, arXiv 2404.14219): Llama with fused projections and LongRoPE. */
export const PHI3: Architecture = {
  names: ["Phi3ForCausalLM"],
  modelType: "phi3",
  define(json, file) {
    const raw = checkShape(json, schema, file);
    const config = sharedLlamaConfig(raw, { theta: 10_000, share: 1, ids: USUAL_IDS.phi3 }, file);
    const layerWindows = windowsOf(config.layers, raw.sliding_window ?? null, null, () => true);
    return phi3Model(layerWindows === undefined ? config : { ...config, layerWindows });
  },
};

function phi3Model(config: LlamaConfig): ModelDefinition {
  const { heads, keyValueHeads, headDim, intermediateSize: ff, tiedEmbeddings } = config;
  const [q, kv] = [heads * headDim, keyValueHeads * headDim];
  const { weights, linears } = inventoryOf(config);
  return {
    ...definedSizes(config),
    ...turningPoints(config.ropeScaling),
    architecture: "Phi3ForCausalLM",
    settings: config,
    weights,
    aliases: new Map(tiedEmbeddings ? [[HEAD, EMBEDDING]] : []),
    linears,
    shortTargets: { ...TARGETS, ...fusedTargets(TARGETS.qkv), gate: TARGETS.up },
    windows: distinctWindows(config.layerWindows ?? []),
    embedding: EMBEDDING,
    head: tiedEmbeddings ? EMBEDDING : HEAD,
    embedded: (blocks, ids) => blocks.embed(ids),
    block(blocks, layer, x) {
      const norm = normByRoot(blocks, config.normEpsilon);
      const at = `model.layers.${layer}`;
      const fused = blocks.linear(`${at}.${TARGETS.qkv}`, norm(x, `${at}.input_layernorm`));
      const [query, key, value] = splitColumns(fused, [q, kv, kv]);
      const attended = blocks.attend(layer, { query, key, value }, attentionOf(config, layer));
      const after = add(x, blocks.linear(`${at}.${TARGETS.o}`, attended));
      const u = norm(after, `${at}.post_attention_layernorm`);
      const [gate, up] = splitColumns(blocks.linear(`${at}.${TARGETS.up}`, u), [ff, ff]);
      return add(after, blocks.linear(`${at}.${TARGETS.down}`, gatedUnit(gate, up)));
    },
    lastNorm: (blocks, x) => normByRoot(blocks, config.normEpsilon)(x, "model.norm"),
  };
}

function inventoryOf(config: LlamaConfig): Inventory {
  const { hiddenSize: d, intermediateSize: ff, headDim, vocabSize } = config;
  const [q, kv] = [config.heads * headDim, config.keyValueHeads * headDim];
  const inventory = new Inventory();
  inventory.weight(EMBEDDING, [vocabSize, d]);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const at = `model.layers.${layer}`;
    const linear = (path: string, inputs: number, outputs: number) => {
      const module = `${at}.${path}`;
      inventory.linear({ module, layer, inputs, outputs, bias: false, inputsFirst: false });
    };
    inventory.norms([`${at}.input_layernorm`, `${at}.post_attention_layernorm`], d);
    linear(TARGETS.qkv, d, q + 2 * kv);
    linear(TARGETS.o, q, d);
    linear(TARGETS.up, d, 2 * ff);
    linear(TARGETS.down, ff, d);
  }
  inventory.norms(["model.norm"], d);
  if (!config.tiedEmbeddings) inventory.weight(HEAD, [vocabSize, d]);
  return inventory;
}

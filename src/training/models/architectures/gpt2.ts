import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { idFields, USUAL_IDS, vocabulary } from "../../files/token-fields.ts";
import { add } from "../../graph/elementwise.ts";
import { gatherRows } from "../../graph/indexing.ts";
import type { Value } from "../../graph/value.ts";
import { count, dimension, layerCount, positive, readIds, refuse } from "../config-fields.ts";
import { fusedTargets, normWithBias, splitColumns } from "../decoder-blocks.ts";
import { type DecoderSizes, definedSizes } from "../decoder-sizes.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { hiddenActivation } from "../hidden-activation.ts";
import { Inventory, withoutPrefix } from "../inventory.ts";
import type { AttentionSettings } from "../sequences/sequences.ts";

const EMBEDDING = "transformer.wte.weight";
const POSITIONS = "transformer.wpe.weight";
const HEAD = "lm_head.weight";
const TARGETS = {
  qkv: "attn.c_attn",
  o: "attn.c_proj",
  up: "mlp.c_fc",
  down: "mlp.c_proj",
} as const;

const schema = z.object({
  vocab_size: vocabulary.default(50_257),
  n_embd: dimension.default(768),
  n_layer: layerCount.default(12),
  n_head: count.default(12),
  n_inner: dimension.nullish(),
  n_positions: dimension.default(1024),
  activation_function: z.string().default("gelu_new"),
  layer_norm_epsilon: positive.max(1).default(1e-5),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  ...idFields,
});

/** The numbers of a GPT-2 decoder. */
interface Gpt2Config extends DecoderSizes {
  readonly activation: string;
  readonly scaledByWidth: boolean;
  readonly scaledByLayer: boolean;
  readonly tied: boolean;
}

/** GPT-2 (Radford et al. 2019): learned positions, fused projections, matrices stored [inputs, outputs]. */
export const GPT2: Architecture = {
  names: ["GPT2LMHeadModel"],
  modelType: "gpt2",
  define(json, file) {
    const raw = checkShape(json, schema, file);
    const { n_embd: hiddenSize, n_head: heads } = raw;
    if (hiddenSize % heads !== 0) {
      throw refuse(file, `n_embd ${hiddenSize} is not a multiple of ${heads} attention heads`);
    }
    if (raw.add_cross_attention) throw refuse(file, "add_cross_attention is not supported");
    const config: Gpt2Config = {
      vocabSize: raw.vocab_size,
      hiddenSize,
      intermediateSize: raw.n_inner ?? 4 * hiddenSize,
      layers: raw.n_layer,
      heads,
      contextMax: raw.n_positions,
      normEpsilon: raw.layer_norm_epsilon,
      activation: raw.activation_function,
      scaledByWidth: raw.scale_attn_weights,
      scaledByLayer: raw.scale_attn_by_inverse_layer_idx,
      tied: raw.tie_word_embeddings,
      ...readIds(raw, USUAL_IDS.gpt2, file),
    };
    return gpt2Model(config, hiddenActivation(config.activation, "activation_function", file));
  },
};

function gpt2Model(config: Gpt2Config, activation: (x: Value) => Value): ModelDefinition {
  const { hiddenSize, tied } = config;
  const { weights, linears } = inventoryOf(config);
  // The files of GPT-2 itself were saved from a class without a head.
  const bare = withoutPrefix(weights, "transformer.");
  return {
    ...definedSizes(config),
    architecture: "GPT2LMHeadModel",
    settings: config,
    weights,
    aliases: new Map([...bare, ...(tied ? [[HEAD, EMBEDDING] as const] : [])]),
    linears,
    shortTargets: { ...TARGETS, ...fusedTargets(TARGETS.qkv) },
    windows: [],
    embedding: EMBEDDING,
    head: tied ? EMBEDDING : HEAD,
    embedded(blocks, ids) {
      const places = gatherRows(blocks.weight(POSITIONS), blocks.positions());
      return add(blocks.embed(ids), places);
    },
    block(blocks, layer, x) {
      const norm = normWithBias(blocks, config.normEpsilon);
      const at = `transformer.h.${layer}`;
      const fused = blocks.linear(`${at}.${TARGETS.qkv}`, norm(x, `${at}.ln_1`));
      const [query, key, value] = splitColumns(fused, [hiddenSize, hiddenSize, hiddenSize]);
      const attended = blocks.attend(layer, { query, key, value }, attentionOf(config, layer));
      const after = add(x, blocks.linear(`${at}.${TARGETS.o}`, attended));
      const wide = activation(blocks.linear(`${at}.${TARGETS.up}`, norm(after, `${at}.ln_2`)));
      return add(after, blocks.linear(`${at}.${TARGETS.down}`, wide));
    },
    lastNorm: (blocks, x) => normWithBias(blocks, config.normEpsilon)(x, "transformer.ln_f"),
  };
}

function attentionOf(config: Gpt2Config, layer: number): AttentionSettings {
  const { heads, hiddenSize, scaledByWidth, scaledByLayer } = config;
  const headDim = hiddenSize / heads;
  const scale = (scaledByWidth ? 1 / Math.sqrt(headDim) : 1) / (scaledByLayer ? layer + 1 : 1);
  return { heads, keyValueHeads: heads, headDim, scale };
}

function inventoryOf(config: Gpt2Config): Inventory {
  const { hiddenSize: d, intermediateSize: ff, vocabSize } = config;
  const inventory = new Inventory();
  inventory.weight(EMBEDDING, [vocabSize, d]);
  inventory.weight(POSITIONS, [config.contextMax, d]);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const at = `transformer.h.${layer}`;
    const linear = (path: string, inputs: number, outputs: number) => {
      const module = `${at}.${path}`;
      inventory.linear({ module, layer, inputs, outputs, bias: true, inputsFirst: true });
    };
    inventory.norms([`${at}.ln_1`, `${at}.ln_2`], d, true);
    linear(TARGETS.qkv, d, 3 * d);
    linear(TARGETS.o, d, d);
    linear(TARGETS.up, d, ff);
    linear(TARGETS.down, ff, d);
  }
  inventory.norms(["transformer.ln_f"], d, true);
  if (!config.tied) inventory.weight(HEAD, [vocabSize, d]);
  return inventory;
}

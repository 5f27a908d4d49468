import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { USUAL_IDS } from "../../files/token-fields.ts";
import { add, mul } from "../../graph/elementwise.ts";
import type { Value } from "../../graph/value.ts";
import { geluTanh } from "../../layers/activations.ts";
import { rmsNorm } from "../../layers/normalisation.ts";
import type { Blocks } from "../blocks.ts";
import {
  checkHeads,
  checkPerLayer,
  count,
  dimension,
  positive,
  readIds,
  refuse,
} from "../config-fields.ts";
import {
  distinctWindows,
  gatedMlp,
  layerTypes,
  type Norm,
  projectedAttention,
  windowsOf,
} from "../decoder-blocks.ts";
import { type DecoderSizes, definedSizes } from "../decoder-sizes.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { Inventory } from "../inventory.ts";
import { type RotaryConfig, readRotary, rotaryFields } from "../rotary-config.ts";
import { scaledRotation, turningPoints } from "../rotary-scaling.ts";
import type { AttentionSettings } from "../sequences/sequences.ts";
import { LLAMA_TARGETS, llamaFields } from "./llama.ts";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

const fields = {
  ...llamaFields,
  num_key_value_heads: count.default(4),
  head_dim: z.number().int().min(2).max(4096).default(256),
  hidden_activation: z.string().nullish(),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: positive.default(256),
  sliding_window: dimension.default(4096),
  layer_types: layerTypes,
  use_bidirectional_attention: z.boolean().nullish(),
};
const gemma2Schema = z.object({
  ...fields,
  max_position_embeddings: dimension.default(8192),
  final_logit_softcapping: positive.nullish().default(30),
  attn_logit_softcapping: positive.nullish().default(50),
});
const gemma3Schema = z.object({
  ...fields,
  max_position_embeddings: dimension.default(131_072),
  final_logit_softcapping: positive.nullish(),
  sliding_window_pattern: count.default(6),
  rope_local_base_freq: positive.nullish(),
  rope_parameters: z
    .object({ full_attention: rotaryFields.nullish(), sliding_attention: rotaryFields.nullish() })
    .nullish(),
});
const sharedSchema = z.object(fields).omit({ rope_parameters: true });

/** The numbers of a Gemma decoder. */
interface GemmaConfig extends DecoderSizes {
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Scores are divided by the root of this. */
  readonly queryScalar: number;
  readonly biases: boolean;
  readonly headNorms: boolean;
  readonly scoreCap: number | null;
  readonly logitCap: number | null;
  readonly layerWindows: readonly (number | null)[];
  /** The rotation of layers that see all, and of those with a window. */
  readonly rotary: { readonly global: RotaryConfig; readonly local: RotaryConfig };
  readonly tied: boolean;
}

/** What Gemma 2 and 3 share, local layers being all but every `pattern`-th. */
function sharedConfig(raw: z.infer<typeof sharedSchema>, pattern: number, file: string) {
  const activation = raw.hidden_activation ?? "gelu_pytorch_tanh";
  if (activation !== "gelu_pytorch_tanh") {
    throw refuse(file, `hidden_activation is ${activation}; only gelu_pytorch_tanh is supported`);
  }
  if (raw.use_bidirectional_attention === true) {
    throw refuse(file, "use_bidirectional_attention is true, and writers of text look back only");
  }
  const layers = raw.num_hidden_layers;
  checkPerLayer(layers, { layer_types: raw.layer_types }, file);
  const isLocal = (layer: number) => (layer + 1) % pattern !== 0;
  const windows = windowsOf(layers, raw.sliding_window, raw.layer_types, isLocal);
  const config = {
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layers,
    heads: raw.num_attention_heads,
    keyValueHeads: raw.num_key_value_heads,
    headDim: raw.head_dim,
    contextMax: raw.max_position_embeddings,
    normEpsilon: raw.rms_norm_eps,
    queryScalar: raw.query_pre_attn_scalar,
    biases: raw.attention_bias,
    layerWindows: windows ?? Array.from({ length: layers }, () => null),
    tied: raw.tie_word_embeddings,
    ...readIds(raw, USUAL_IDS.gemma2, file),
  };
  checkHeads(config, file);
  return config;
}

/** Gemma 2 (2024, arXiv 2408.00118): capped scores and logits, every second layer local. */
export const GEMMA2: Architecture = {
  names: ["Gemma2ForCausalLM"],
  modelType: "gemma2",
  define(json, file) {
    const raw = checkShape(json, gemma2Schema, file);
    const rotary = readRotary(raw, raw.head_dim, { theta: 10_000 }, file);
    const config: GemmaConfig = {
      ...sharedConfig(raw, 2, file),
      headNorms: false,
      scoreCap: raw.attn_logit_softcapping ?? null,
      logitCap: raw.final_logit_softcapping ?? null,
      rotary: { global: rotary, local: rotary },
    };
    return gemmaModel(config, "Gemma2ForCausalLM");
  },
};

/** The text part of Gemma 3 (2025, arXiv 2503.19786): normalised heads, local layers with a rotation of their own. */
export const GEMMA3: Architecture = {
  names: ["Gemma3ForCausalLM"],
  modelType: "gemma3_text",
  define(json, file) {
    const raw = checkShape(json, gemma3Schema, file);
    const { rope_parameters: newer, max_position_embeddings } = raw;
    const read = (settings: object, theta: number) =>
      readRotary({ max_position_embeddings, ...settings }, raw.head_dim, { theta }, file);
    const { rope_theta, rope_scaling, rope_local_base_freq } = raw;
    const global = { rope_theta, rope_scaling, rope_parameters: newer?.full_attention };
    const local = { rope_theta: rope_local_base_freq, rope_parameters: newer?.sliding_attention };
    const config: GemmaConfig = {
      ...sharedConfig(raw, raw.sliding_window_pattern, file),
      headNorms: true,
      scoreCap: null,
      logitCap: raw.final_logit_softcapping ?? null,
      rotary: { global: read(global, 1_000_000), local: read(local, 10_000) },
    };
    return gemmaModel(config, "Gemma3ForCausalLM");
  },
};

function gemmaModel(config: GemmaConfig, architecture: string): ModelDefinition {
  const { hiddenSize, tied, logitCap, layerWindows } = config;
  const { weights, linears } = inventoryOf(config);
  return {
    ...definedSizes(config),
    ...turningPoints(config.rotary.global.scaling, config.rotary.local.scaling),
    architecture,
    settings: config,
    weights,
    aliases: new Map(tied ? [[HEAD, EMBEDDING]] : []),
    linears,
    shortTargets: LLAMA_TARGETS,
    windows: distinctWindows(layerWindows),
    embedding: EMBEDDING,
    embeddingScale: Math.sqrt(hiddenSize),
    head: tied ? EMBEDDING : HEAD,
    ...(logitCap === null ? {} : { logitCap }),
    embedded: (blocks, ids) => blocks.embed(ids),
    block(blocks, layer, x) {
      const norm = normByRootPlusOne(blocks, config.normEpsilon);
      const headNorm = config.headNorms ? { headNorm: norm } : {};
      const at = `model.layers.${layer}`;
      const h = norm(x, `${at}.input_layernorm`);
      const settings = { ...attentionOf(config, layer), ...headNorm };
      const attended = projectedAttention(blocks, layer, `${at}.self_attn`, h, settings);
      const after = add(x, norm(attended, `${at}.post_attention_layernorm`));
      const u = norm(after, `${at}.pre_feedforward_layernorm`);
      const wide = gatedMlp(blocks, `${at}.mlp`, u, (gate, up) => mul(geluTanh(gate), up));
      return add(after, norm(wide, `${at}.post_feedforward_layernorm`));
    },
    lastNorm: (blocks, x) => normByRootPlusOne(blocks, config.normEpsilon)(x, "model.norm"),
  };
}

/** Gemma keeps its normalisations' weights less one. */
function normByRootPlusOne(blocks: Blocks, epsilon: number): Norm {
  return (x: Value, name: string) => {
    const weight = blocks.weight(`${name}.weight`);
    return rmsNorm(x, add(weight, weight.graph.scalar(1, weight.dtype)), epsilon);
  };
}

function attentionOf(config: GemmaConfig, layer: number): AttentionSettings {
  const { heads, keyValueHeads, headDim, queryScalar, scoreCap, layerWindows } = config;
  const window = layerWindows[layer] ?? null;
  const { theta, size, scaling } = window === null ? config.rotary.global : config.rotary.local;
  return {
    ...{ heads, keyValueHeads, headDim, scale: 1 / Math.sqrt(queryScalar) },
    rotation: scaledRotation(size, theta, scaling),
    ...(window === null ? {} : { window }),
    ...(scoreCap === null ? {} : { cap: scoreCap }),
  };
}

function inventoryOf(config: GemmaConfig): Inventory {
  const { hiddenSize: d, intermediateSize: ff, headDim, vocabSize, biases } = config;
  const [q, kv] = [config.heads * headDim, config.keyValueHeads * headDim];
  const inventory = new Inventory();
  inventory.weight(EMBEDDING, [vocabSize, d]);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const at = `model.layers.${layer}`;
    const linear = (path: string, inputs: number, outputs: number, bias: boolean) => {
      const module = `${at}.${path}`;
      inventory.linear({ module, layer, inputs, outputs, bias, inputsFirst: false });
    };
    inventory.norms([`${at}.input_layernorm`, `${at}.post_attention_layernorm`], d);
    linear(LLAMA_TARGETS.q, d, q, biases);
    linear(LLAMA_TARGETS.k, d, kv, biases);
    linear(LLAMA_TARGETS.v, d, kv, biases);
    linear(LLAMA_TARGETS.o, q, d, biases);
    if (config.headNorms) {
      inventory.norms([`${at}.self_attn.q_norm`, `${at}.self_attn.k_norm`], headDim);
    }
    inventory.norms([`${at}.pre_feedforward_layernorm`, `${at}.post_feedforward_layernorm`], d);
    linear(LLAMA_TARGETS.gate, d, ff, false);
    linear(LLAMA_TARGETS.up, d, ff, false);
    linear(LLAMA_TARGETS.down, ff, d, false);
  }
  inventory.norms(["model.norm"], d);
  if (!config.tied) inventory.weight(HEAD, [vocabSize, d]);
  return inventory;
}

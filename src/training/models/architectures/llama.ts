import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { idFields, type TokenIds, USUAL_IDS, vocabulary } from "../../files/token-fields.ts";
import { add } from "../../graph/elementwise.ts";
import { gatedUnit } from "../../layers/gated-unit.ts";
import {
  checkHeads,
  count,
  dimension,
  layerCount,
  positive,
  readIds,
  refuse,
} from "../config-fields.ts";
import { distinctWindows, gatedMlp, normByRoot, projectedAttention } from "../decoder-blocks.ts";
import { type DecoderSizes, definedSizes } from "../decoder-sizes.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { Inventory } from "../inventory.ts";
import { readRotary, rotaryConfigFields } from "../rotary-config.ts";
import { type RotaryScaling, scaledRotation, turningPoints } from "../rotary-scaling.ts";
import type { AttentionSettings } from "../sequences/sequences.ts";

/** The numbers of a Llama-type decoder, with what its descendants changed. */
export interface LlamaConfig extends DecoderSizes {
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: RotaryScaling;
  /** How many numbers of each head are rotated; all when absent. */
  readonly rotarySize?: number;
  /** The output head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
  /** The linear layers of a block that have a bias; none when absent. */
  readonly biases?: readonly LlamaTarget[];
  /** Query and key are normalised head by head (Qwen3). */
  readonly headNorms?: boolean;
  /** How far back each layer sees; null is all. */
  readonly layerWindows?: readonly (number | null)[];
  /** Layers without rotation (SmolLM3). */
  readonly unrotated?: readonly number[];
}

/** Short names of a block's linear layers, in the order in which adapters lie. */
export const LLAMA_TARGETS = {
  q: "self_attn.q_proj",
  k: "self_attn.k_proj",
  v: "self_attn.v_proj",
  o: "self_attn.o_proj",
  gate: "mlp.gate_proj",
  up: "mlp.up_proj",
  down: "mlp.down_proj",
} as const;
export type LlamaTarget = keyof typeof LLAMA_TARGETS;

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

/**
 * A Llama-type decoder (Touvron et al. 2023, arXiv 2302.13971; shapes as in Hugging Face's LlamaForCausalLM).
 */
export function llamaModel(
  config: LlamaConfig,
  architecture = "LlamaForCausalLM",
): ModelDefinition {
  const { normEpsilon, tiedEmbeddings } = config;
  const { weights, linears } = inventoryOf(config);
  const windows = distinctWindows(config.layerWindows ?? []);
  return {
    ...definedSizes(config),
    ...turningPoints(config.ropeScaling),
    architecture,
    settings: config,
    weights,
    aliases: new Map(tiedEmbeddings ? [[HEAD, EMBEDDING]] : []),
    linears,
    shortTargets: LLAMA_TARGETS,
    windows,
    embedding: EMBEDDING,
    head: tiedEmbeddings ? EMBEDDING : HEAD,
    embedded: (blocks, ids) => blocks.embed(ids),
    block(blocks, layer, x) {
      const norm = normByRoot(blocks, normEpsilon);
      const headNorm = config.headNorms === true ? { headNorm: norm } : {};
      const at = `model.layers.${layer}`;
      const h = norm(x, `${at}.input_layernorm`);
      const options = { ...attentionOf(config, layer), ...headNorm };
      const after = add(x, projectedAttention(blocks, layer, `${at}.self_attn`, h, options));
      const u = norm(after, `${at}.post_attention_layernorm`);
      return add(after, gatedMlp(blocks, `${at}.mlp`, u, gatedUnit));
    },
    lastNorm: (blocks, x) => normByRoot(blocks, normEpsilon)(x, "model.norm"),
  };
}

/** The numbers of a layer's attention. */
export function attentionOf(config: LlamaConfig, layer: number): AttentionSettings {
  const { heads, keyValueHeads, headDim, ropeTheta, ropeScaling, unrotated } = config;
  const { rotarySize = headDim, layerWindows } = config;
  const window = layerWindows?.[layer];
  return {
    heads,
    keyValueHeads,
    headDim,
    scale: 1 / Math.sqrt(headDim),
    ...(unrotated?.includes(layer) === true
      ? {}
      : { rotation: scaledRotation(rotarySize, ropeTheta, ropeScaling) }),
    ...(typeof window === "number" ? { window } : {}),
  };
}

function inventoryOf(config: LlamaConfig): Inventory {
  const { hiddenSize: d, intermediateSize: ff, headDim, biases } = config;
  const [q, kv] = [config.heads * headDim, config.keyValueHeads * headDim];
  const inventory = new Inventory();
  inventory.weight(EMBEDDING, [config.vocabSize, d]);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const at = `model.layers.${layer}`;
    const linear = (target: LlamaTarget, inputs: number, outputs: number) => {
      const bias = biases?.includes(target) ?? false;
      const module = `${at}.${LLAMA_TARGETS[target]}`;
      inventory.linear({ module, layer, inputs, outputs, bias, inputsFirst: false });
    };
    inventory.norms([`${at}.input_layernorm`], d);
    linear("q", d, q);
    linear("k", d, kv);
    linear("v", d, kv);
    linear("o", q, d);
    if (config.headNorms === true) {
      inventory.norms([`${at}.self_attn.q_norm`, `${at}.self_attn.k_norm`], headDim);
    }
    linear("gate", d, ff);
    linear("up", d, ff);
    linear("down", ff, d);
    inventory.norms([`${at}.post_attention_layernorm`], d);
  }
  inventory.norms(["model.norm"], d);
  if (!config.tiedEmbeddings) inventory.weight(HEAD, [config.vocabSize, d]);
  return inventory;
}

/** The keys of config.json that change what a Llama-type model computes; others may be present. */
export const llamaFields = {
  vocab_size: vocabulary,
  hidden_size: dimension,
  intermediate_size: dimension,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: z.number().int().min(2).max(4096).nullish(),
  rms_norm_eps: positive.max(1).default(1e-6),
  hidden_act: z.string().default("silu"),
  tie_word_embeddings: z.boolean().default(false),
  max_position_embeddings: dimension.default(2048),
  ...rotaryConfigFields,
  ...idFields,
};
const sharedSchema = z.object(llamaFields);
const configSchema = sharedSchema.extend({
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

/** What a descendant's configuration class sets where config.json is silent. */
export interface LlamaDefaults {
  readonly theta: number;
  /** The share of a head that is rotated; absent where `partial_rotary_factor` counts for nothing. */
  readonly share?: number;
  /** Null where the class has none and config.json must name the id that ends a text. */
  readonly ids: TokenIds | null;
}

/** Llama's own. */
const DEFAULTS: LlamaDefaults = { theta: 10_000, ids: USUAL_IDS.llama };

/** The numbers that all Llama-type models share. */
export function sharedLlamaConfig(
  raw: z.infer<typeof sharedSchema>,
  defaults: LlamaDefaults,
  file: string,
): LlamaConfig {
  if (raw.hidden_act !== "silu") {
    throw refuse(file, `hidden_act is ${raw.hidden_act}, and only silu is supported`);
  }
  const headDim = raw.head_dim ?? raw.hidden_size / raw.num_attention_heads;
  const heads = raw.num_attention_heads;
  const keyValueHeads = raw.num_key_value_heads ?? heads;
  checkHeads({ hiddenSize: raw.hidden_size, heads, keyValueHeads, headDim }, file);
  const { theta, size, scaling } = readRotary(raw, headDim, defaults, file);
  return {
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads,
    keyValueHeads,
    headDim,
    normEpsilon: raw.rms_norm_eps,
    ropeTheta: theta,
    ...(scaling === undefined ? {} : { ropeScaling: scaling }),
    ...(size === headDim ? {} : { rotarySize: size }),
    tiedEmbeddings: raw.tie_word_embeddings,
    contextMax: raw.max_position_embeddings,
    ...readIds(raw, defaults.ids, file),
  };
}

/** The layers with a bias when config.json says that attention, or the rest of a block, has them. */
export function biasedTargets(attention: boolean, mlp: boolean): Pick<LlamaConfig, "biases"> {
  const biases = [
    ...(attention ? (["q", "k", "v", "o"] as const) : []),
    ...(mlp ? (["gate", "up", "down"] as const) : []),
  ];
  return biases.length === 0 ? {} : { biases };
}

/** Reads the values of a Llama config.json; see `Architecture.define` for errors. */
export function llamaConfig(json: unknown, file: string): LlamaConfig {
  const raw = checkShape(json, configSchema, file);
  return {
    ...sharedLlamaConfig(raw, DEFAULTS, file),
    ...biasedTargets(raw.attention_bias, raw.mlp_bias),
  };
}

export const LLAMA: Architecture = {
  names: ["LlamaForCausalLM"],
  modelType: "llama",
  define: (json, file) => llamaModel(llamaConfig(json, file)),
};

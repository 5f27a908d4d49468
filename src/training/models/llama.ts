import { z } from "zod";
import { checkShape } from "../files/file-access.ts";
import { add } from "../graph/elementwise.ts";
import type { Shape } from "../graph/value.ts";
import {
  checkHeads,
  count,
  dimension,
  idFields,
  layerCount,
  positive,
  readIds,
  refuse,
  vocabulary,
} from "./config-fields.ts";
import type { Architecture, LinearLayer, ModelDefinition } from "./definition.ts";
import { gatedUnit } from "./gated-unit.ts";
import { rmsNorm } from "./normalisation.ts";
import { plainRotation } from "./rotation.ts";

/** The numbers of a Llama-type decoder. */
export interface LlamaConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  /** The output head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
  readonly contextMax: number;
  readonly bosId: number;
  readonly eosIds: readonly number[];
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

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

/**
 * A Llama-type decoder (Touvron et al. 2023, arXiv 2302.13971; shapes as in Hugging Face's LlamaForCausalLM).
 */
export function llamaModel(config: LlamaConfig): ModelDefinition {
  const { layers, heads, keyValueHeads, headDim, normEpsilon, tiedEmbeddings } = config;
  const linears = Array.from({ length: layers }, (_, layer) => linearsOf(config, layer)).flat();
  const settings = {
    heads,
    keyValueHeads,
    headDim,
    scale: 1 / Math.sqrt(headDim),
    rotation: plainRotation(headDim, config.ropeTheta),
  };
  return {
    ...pickSizes(config),
    architecture: "LlamaForCausalLM",
    settings: config,
    weights: weightsOf(config, linears),
    aliases: new Map(tiedEmbeddings ? [[HEAD, EMBEDDING]] : []),
    linears,
    shortTargets: LLAMA_TARGETS,
    windows: [],
    embedding: EMBEDDING,
    head: tiedEmbeddings ? EMBEDDING : HEAD,
    hidden(blocks, ids) {
      const norm = (x: typeof ids, name: string) =>
        rmsNorm(x, blocks.weight(`${name}.weight`), normEpsilon);
      let x = blocks.embed(EMBEDDING, ids);
      for (let layer = 0; layer < layers; layer += 1) {
        const at = `model.layers.${layer}`;
        const h = norm(x, `${at}.input_layernorm`);
        const project = (name: "q" | "k" | "v") => blocks.linear(`${at}.${LLAMA_TARGETS[name]}`, h);
        const projected = { query: project("q"), key: project("k"), value: project("v") };
        const attended = blocks.attend(layer, projected, settings);
        x = add(x, blocks.linear(`${at}.${LLAMA_TARGETS.o}`, attended));
        const u = norm(x, `${at}.post_attention_layernorm`);
        const gate = blocks.linear(`${at}.${LLAMA_TARGETS.gate}`, u);
        const up = blocks.linear(`${at}.${LLAMA_TARGETS.up}`, u);
        x = add(x, blocks.linear(`${at}.${LLAMA_TARGETS.down}`, gatedUnit(gate, up)));
      }
      return norm(x, "model.norm");
    },
  };
}

function pickSizes({ vocabSize, hiddenSize, layers, contextMax, ...rest }: LlamaConfig) {
  const { keyValueHeads, headDim, bosId, eosIds } = rest;
  return { vocabSize, hiddenSize, layers, contextMax, keyValueHeads, headDim, bosId, eosIds };
}

function linearsOf(config: LlamaConfig, layer: number): readonly LinearLayer[] {
  const { hiddenSize: d, intermediateSize: ff, headDim } = config;
  const [q, kv] = [config.heads * headDim, config.keyValueHeads * headDim];
  const sizes = { q: [d, q], k: [d, kv], v: [d, kv], o: [q, d], gate: [d, ff], up: [d, ff] };
  return Object.entries(LLAMA_TARGETS).map(([target, path]) => {
    const [inputs = 0, outputs = 0] = { ...sizes, down: [ff, d] }[target] ?? [];
    const module = `model.layers.${layer}.${path}`;
    return { module, layer, inputs, outputs, bias: false, inputsFirst: false };
  });
}

function weightsOf(
  config: LlamaConfig,
  linears: readonly LinearLayer[],
): ReadonlyMap<string, Shape> {
  const { hiddenSize: d, vocabSize, layers } = config;
  const weights = new Map<string, Shape>([[EMBEDDING, [vocabSize, d]]]);
  for (let layer = 0; layer < layers; layer += 1) {
    const at = `model.layers.${layer}`;
    weights.set(`${at}.input_layernorm.weight`, [d]);
    for (const each of linears) {
      if (each.layer !== layer) continue;
      weights.set(`${each.module}.weight`, [each.outputs, each.inputs]);
    }
    weights.set(`${at}.post_attention_layernorm.weight`, [d]);
  }
  weights.set("model.norm.weight", [d]);
  if (!config.tiedEmbeddings) weights.set(HEAD, [vocabSize, d]);
  return weights;
}

/** The keys of config.json that change what the model computes; others may be present. */
const configSchema = z.object({
  vocab_size: vocabulary,
  hidden_size: dimension,
  intermediate_size: dimension,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: z.number().int().min(2).max(4096).nullish(),
  rms_norm_eps: positive.max(1).default(1e-6),
  rope_theta: positive.nullish(),
  rope_parameters: z
    .object({ rope_type: z.string().default("default"), rope_theta: positive.optional() })
    .nullish(),
  rope_scaling: z.unknown().optional(),
  hidden_act: z.string().default("silu"),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  max_position_embeddings: dimension.default(2048),
  ...idFields,
});
type RawConfig = z.infer<typeof configSchema>;

/** The newer layout keeps the rotation's settings in `rope_parameters`. */
function ropeTheta(raw: RawConfig, file: string): number {
  const newer = raw.rope_parameters;
  if (newer && newer.rope_type !== "default") {
    throw refuse(file, `rope_parameters of type ${newer.rope_type} are not supported`);
  }
  return newer?.rope_theta ?? raw.rope_theta ?? 10_000;
}

function refuseUnsupported(raw: RawConfig, file: string): void {
  if (raw.rope_scaling !== undefined && raw.rope_scaling !== null) {
    throw refuse(file, "rope_scaling is set, and scaled rotary embeddings are not supported");
  }
  if (raw.attention_bias)
    throw refuse(file, "attention_bias is true, and biases are not supported");
  if (raw.mlp_bias) throw refuse(file, "mlp_bias is true, and biases are not supported");
  if (raw.hidden_act !== "silu") {
    throw refuse(file, `hidden_act is ${raw.hidden_act}, and only silu is supported`);
  }
}

/** Reads the values of a Llama-type config.json; see `Architecture.define` for errors. */
export function llamaConfig(json: unknown, file: string): LlamaConfig {
  const raw = checkShape(json, configSchema, file);
  refuseUnsupported(raw, file);
  const config: LlamaConfig = {
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads: raw.num_attention_heads,
    keyValueHeads: raw.num_key_value_heads ?? raw.num_attention_heads,
    headDim: raw.head_dim ?? raw.hidden_size / raw.num_attention_heads,
    normEpsilon: raw.rms_norm_eps,
    ropeTheta: ropeTheta(raw, file),
    tiedEmbeddings: raw.tie_word_embeddings,
    contextMax: raw.max_position_embeddings,
    // The defaults of Llama's own configuration class.
    ...readIds(raw, { bos: 1, eos: 2 }, file),
  };
  checkHeads(config, file);
  return config;
}

export const LLAMA: Architecture = {
  names: ["LlamaForCausalLM"],
  modelType: "llama",
  define: (json, file) => llamaModel(llamaConfig(json, file)),
};

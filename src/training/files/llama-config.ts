import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { LlamaConfig } from "./base-model.ts";
import { checkShape, parseJson, readText } from "./file-access.ts";

const CONFIG_BYTES_MAX = 1 << 20;

const dimension = z
  .number()
  .int()
  .min(1)
  .max(1 << 20);
const tokenId = z
  .number()
  .int()
  .min(0)
  .max((1 << 22) - 1);
const positive = z.number().positive().finite();

/** The keys of a Hugging Face config.json that change what the model computes; others may be present. */
const configSchema = z.object({
  vocab_size: z
    .number()
    .int()
    .min(2)
    .max(1 << 22),
  hidden_size: dimension,
  intermediate_size: dimension,
  num_hidden_layers: z.number().int().min(1).max(512),
  num_attention_heads: z.number().int().min(1).max(4096),
  num_key_value_heads: z.number().int().min(1).max(4096).nullish(),
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
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId).min(1).max(64)]).nullish(),
});
type RawConfig = z.infer<typeof configSchema>;

const kindSchema = z.object({
  model_type: z.string().optional(),
  architectures: z.array(z.string()).nullish(),
});

function refuse(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file}: ${what}`,
    "this version of Klatch trains plain LlamaForCausalLM models; choose another base model",
  );
}

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

function checkHeads(config: LlamaConfig, file: string): void {
  const { hiddenSize, heads, keyValueHeads, headDim } = config;
  if (!Number.isInteger(headDim)) {
    throw refuse(file, `hidden_size ${hiddenSize} is not a multiple of ${heads} attention heads`);
  }
  if (headDim % 2 !== 0) throw refuse(file, `the head dimension ${headDim} is odd`);
  if (heads % keyValueHeads !== 0) {
    throw refuse(
      file,
      `${heads} attention heads are not a multiple of ${keyValueHeads} key-value heads`,
    );
  }
}

function checkIds(config: LlamaConfig, file: string): void {
  for (const id of [config.bosId, ...config.eosIds]) {
    if (id >= config.vocabSize) {
      throw refuse(file, `token id ${id} is outside the vocabulary of ${config.vocabSize}`);
    }
  }
}

/**
 * Parses the text of a config.json of a Llama-type model.
 *
 * @throws KlatchError `data` when it is not JSON or a value is out of bounds, `incompatible` when the model is of
 *   another architecture or uses a part that Klatch does not compute (scaled RoPE, biases, other activations)
 */
export function parseLlamaConfig(text: string, file: string): LlamaConfig {
  const json = parseJson(text, file);
  const { architectures, model_type } = checkShape(json, kindSchema, file);
  const architecture =
    architectures?.[0] ?? (model_type === "llama" ? "LlamaForCausalLM" : model_type);
  if (architecture !== "LlamaForCausalLM") {
    throw refuse(
      file,
      `architecture ${architecture ?? "(none named)"} is not supported; supported: LlamaForCausalLM`,
    );
  }
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
    bosId: raw.bos_token_id ?? 1,
    eosIds: [raw.eos_token_id ?? 2].flat(),
  };
  checkHeads(config, file);
  checkIds(config, file);
  return config;
}

/** Reads config.json of a Hugging Face model folder; see {@link parseLlamaConfig}. */
export async function readLlamaConfig(folder: string): Promise<LlamaConfig> {
  const file = join(folder, "config.json");
  return parseLlamaConfig(await readText(file, CONFIG_BYTES_MAX), file);
}

/** Name and shape of every weight of the model in Hugging Face's layout; a tied head has no entry of its own. */
export function llamaTensorShapes(config: LlamaConfig): ReadonlyMap<string, readonly number[]> {
  const { hiddenSize: d, intermediateSize: ff, vocabSize, headDim } = config;
  const q = config.heads * headDim;
  const kv = config.keyValueHeads * headDim;
  const shapes = new Map<string, readonly number[]>([
    ["model.embed_tokens.weight", [vocabSize, d]],
  ]);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    shapes.set(`${at}.input_layernorm.weight`, [d]);
    shapes.set(`${at}.self_attn.q_proj.weight`, [q, d]);
    shapes.set(`${at}.self_attn.k_proj.weight`, [kv, d]);
    shapes.set(`${at}.self_attn.v_proj.weight`, [kv, d]);
    shapes.set(`${at}.self_attn.o_proj.weight`, [d, q]);
    shapes.set(`${at}.post_attention_layernorm.weight`, [d]);
    shapes.set(`${at}.mlp.gate_proj.weight`, [ff, d]);
    shapes.set(`${at}.mlp.up_proj.weight`, [ff, d]);
    shapes.set(`${at}.mlp.down_proj.weight`, [d, ff]);
  }
  shapes.set("model.norm.weight", [d]);
  if (!config.tiedEmbeddings) shapes.set("lm_head.weight", [vocabSize, d]);
  return shapes;
}

import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { vocabulary } from "../../files/token-fields.ts";
import type { Shape } from "../../graph/value.ts";
import { meanClassifier, poolerClassifier } from "../classifier.ts";
import { count, dimension, layerCount, positive, refuse } from "../config-fields.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { ENCODER_TARGETS, type EncoderConfig, encoderGraph, encoderInventory } from "../encoder.ts";
import { withoutPrefix } from "../inventory.ts";

const PREFIX = "bert.";

/** The keys of a BERT-type config.json that change what the model computes. */
export const encoderSchema = z.object({
  architectures: z.array(z.string()).nullish(),
  vocab_size: vocabulary,
  hidden_size: dimension,
  intermediate_size: dimension,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  layer_norm_eps: positive.max(1).default(1e-12),
  hidden_act: z.string().default("gelu"),
  position_embedding_type: z.string().default("absolute"),
  max_position_embeddings: dimension.default(512),
  type_vocab_size: count.default(2),
  pad_token_id: z.number().int().min(0).nullish(),
  is_decoder: z.boolean().default(false),
});

/** Reads the values of a BERT-type config.json; see `Architecture.define` for errors. */
export function encoderConfig(
  raw: z.infer<typeof encoderSchema>,
  firstPosition: number,
  file: string,
): EncoderConfig {
  if (raw.is_decoder)
    throw refuse(file, "is_decoder is true, and only encoders of this type are supported");
  if (raw.hidden_act !== "gelu") {
    throw refuse(file, `hidden_act is ${raw.hidden_act}, and only gelu is supported`);
  }
  if (raw.position_embedding_type !== "absolute") {
    throw refuse(file, `position_embedding_type is ${raw.position_embedding_type}, not absolute`);
  }
  const { hidden_size: hiddenSize, num_attention_heads: heads } = raw;
  if (hiddenSize % heads !== 0) {
    throw refuse(file, `hidden_size ${hiddenSize} is not a multiple of ${heads} attention heads`);
  }
  if (firstPosition >= raw.max_position_embeddings) {
    throw refuse(file, `max_position_embeddings ${raw.max_position_embeddings} leaves no position`);
  }
  return {
    vocabSize: raw.vocab_size,
    hiddenSize,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads,
    normEpsilon: raw.layer_norm_eps,
    positions: raw.max_position_embeddings,
    firstPosition,
    tokenTypes: raw.type_vocab_size,
  };
}

/** What encoders with this prefix in their weights' names have in common. */
export function encoderModel(
  config: EncoderConfig,
  prefix: string,
): Omit<ModelDefinition, "architecture" | "classifier"> {
  const { weights, linears } = encoderInventory(config, prefix);
  return {
    vocabSize: config.vocabSize,
    hiddenSize: config.hiddenSize,
    layers: config.layers,
    contextMax: config.positions - config.firstPosition,
    keyValueHeads: config.heads,
    headDim: config.hiddenSize / config.heads,
    windows: [],
    eosIds: [],
    settings: config,
    weights,
    aliases: encoderAliases(weights, prefix),
    linears,
    shortTargets: ENCODER_TARGETS,
    embedding: `${prefix}embeddings.word_embeddings.weight`,
    head: null,
    unadapted: [`${prefix}pooler.dense`],
    ...encoderGraph(config, prefix),
  };
}

/** Files saved from a bare encoder have no prefix; those converted from TensorFlow say gamma and beta. */
function encoderAliases(
  weights: ReadonlyMap<string, Shape>,
  prefix: string,
): ReadonlyMap<string, string> {
  const older = [...weights.keys()].flatMap((name) => {
    const other = name
      .replace("LayerNorm.weight", "LayerNorm.gamma")
      .replace("LayerNorm.bias", "LayerNorm.beta");
    return other === name ? [] : [[other, name] as const];
  });
  const bare = withoutPrefix(weights, prefix);
  const bareOlder = older.map(([other, name]) => [other.slice(prefix.length), name] as const);
  return new Map([...older, ...bare, ...bareOlder]);
}

/**
 * BERT and MiniLM. A bare `BertModel`, as sentence encoders are saved, is pooled by the mean, like those were
 * trained; the other classes by the checkpoint's pooler, as BertForSequenceClassification does.
 */
function define(json: unknown, file: string): ModelDefinition {
  const raw = checkShape(json, encoderSchema, file);
  const config = encoderConfig(raw, 0, file);
  const architecture = raw.architectures?.[0] ?? "BertModel";
  const model = encoderModel(config, PREFIX);
  const { hiddenSize } = config;
  if (architecture === "BertModel") {
    return { ...model, architecture, classifier: meanClassifier(hiddenSize) };
  }
  const pooler = `${PREFIX}pooler.dense`;
  const weights = new Map(model.weights)
    .set(`${pooler}.weight`, [hiddenSize, hiddenSize])
    .set(`${pooler}.bias`, [hiddenSize]);
  return {
    ...model,
    architecture,
    weights,
    aliases: encoderAliases(weights, PREFIX),
    classifier: poolerClassifier(hiddenSize, pooler),
  };
}

export const BERT: Architecture = {
  names: ["BertModel", "BertForSequenceClassification", "BertForMaskedLM", "BertForPreTraining"],
  modelType: "bert",
  define,
};

import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { idFields, USUAL_IDS, vocabulary } from "../../files/token-fields.ts";
import { add } from "../../graph/elementwise.ts";
import { reshape, slice } from "../../graph/movement.ts";
import { dimension as sizeAt } from "../../graph/shapes.ts";
import type { Value } from "../../graph/value.ts";
import { checkHeads, count, dimension, layerCount, positive, readIds } from "../config-fields.ts";
import { fusedTargets, normWithBias } from "../decoder-blocks.ts";
import { type DecoderSizes, definedSizes } from "../decoder-sizes.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { hiddenActivation } from "../hidden-activation.ts";
import { Inventory } from "../inventory.ts";
import { type RotaryConfig, readRotary, rotaryConfigFields } from "../rotary-config.ts";
import { scaledRotation, turningPoints } from "../rotary-scaling.ts";
import type { Projected } from "../sequences/sequences.ts";

const EMBEDDING = "gpt_neox.embed_in.weight";
const HEAD = "embed_out.weight";
/** The head's name since version 5 of transformers, which still saves it under the older one. */
const NEWER_HEAD = "lm_head.weight";
const FINAL_NORM = "gpt_neox.final_layer_norm";
const TARGETS = {
  qkv: "attention.query_key_value",
  o: "attention.dense",
  up: "mlp.dense_h_to_4h",
  down: "mlp.dense_4h_to_h",
} as const;

const schema = z.object({
  vocab_size: vocabulary,
  hidden_size: dimension,
  intermediate_size: dimension,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  hidden_act: z.string().default("gelu"),
  layer_norm_eps: positive.max(1).default(1e-5),
  max_position_embeddings: dimension.default(2048),
  use_parallel_residual: z.boolean().default(true),
  attention_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(false),
  rotary_pct: positive.max(1).default(0.25),
  rotary_emb_base: positive.default(10_000),
  ...rotaryConfigFields,
  ...idFields,
});

/** The numbers of a GPT-NeoX decoder. */
interface NeoxConfig extends DecoderSizes {
  readonly activation: string;
  /** Attention and feed-forward both read a block's input, instead of one after the other. */
  readonly parallel: boolean;
  readonly attentionBias: boolean;
  readonly tied: boolean;
  readonly rotary: RotaryConfig;
}

/** GPT-NeoX (Black et al. 2022, arXiv 2204.06745), the architecture of Pythia too. */
export const GPT_NEOX: Architecture = {
  names: ["GPTNeoXForCausalLM"],
  modelType: "gpt_neox",
  define(json, file) {
    const raw = checkShape(json, schema, file);
    const { hidden_size: hiddenSize, num_attention_heads: heads } = raw;
    const headDim = hiddenSize / heads;
    checkHeads({ hiddenSize, heads, keyValueHeads: heads, headDim }, file);
    const defaults = { theta: raw.rotary_emb_base, share: raw.rotary_pct };
    const config: NeoxConfig = {
      vocabSize: raw.vocab_size,
      hiddenSize,
      intermediateSize: raw.intermediate_size,
      layers: raw.num_hidden_layers,
      heads,
      contextMax: raw.max_position_embeddings,
      normEpsilon: raw.layer_norm_eps,
      activation: raw.hidden_act,
      parallel: raw.use_parallel_residual,
      attentionBias: raw.attention_bias,
      tied: raw.tie_word_embeddings,
      rotary: readRotary(raw, headDim, defaults, file),
      ...readIds(raw, USUAL_IDS.gpt_neox, file),
    };
    return neoxModel(config, hiddenActivation(raw.hidden_act, "hidden_act", file));
  },
};

function neoxModel(config: NeoxConfig, activation: (x: Value) => Value): ModelDefinition {
  const { hiddenSize, heads, tied } = config;
  const { theta, size, scaling } = config.rotary;
  const headDim = hiddenSize / heads;
  const rotation = scaledRotation(size, theta, scaling);
  const scale = 1 / Math.sqrt(headDim);
  const attention = { heads, keyValueHeads: heads, headDim, scale, rotation };
  const { weights, linears } = inventoryOf(config);
  return {
    ...definedSizes(config),
    ...turningPoints(scaling),
    architecture: "GPTNeoXForCausalLM",
    settings: config,
    weights,
    aliases: new Map(
      tied ? [HEAD, NEWER_HEAD].map((each) => [each, EMBEDDING]) : [[NEWER_HEAD, HEAD]],
    ),
    linears,
    shortTargets: { ...TARGETS, ...fusedTargets(TARGETS.qkv) },
    windows: [],
    embedding: EMBEDDING,
    head: tied ? EMBEDDING : HEAD,
    embedded: (blocks, ids) => blocks.embed(ids),
    block(blocks, layer, x) {
      const norm = normWithBias(blocks, config.normEpsilon);
      const at = `gpt_neox.layers.${layer}`;
      const fused = blocks.linear(`${at}.${TARGETS.qkv}`, norm(x, `${at}.input_layernorm`));
      const attended = blocks.attend(layer, splitByHead(fused, heads, headDim), attention);
      const after = add(x, blocks.linear(`${at}.${TARGETS.o}`, attended));
      const u = norm(config.parallel ? x : after, `${at}.post_attention_layernorm`);
      const wide = activation(blocks.linear(`${at}.${TARGETS.up}`, u));
      return add(after, blocks.linear(`${at}.${TARGETS.down}`, wide));
    },
    lastNorm: (blocks, x) => normWithBias(blocks, config.normEpsilon)(x, FINAL_NORM),
  };
}

/** Each head's query, key and value lie side by side in x [rows, heads * 3 * headDim]. */
function splitByHead(x: Value, heads: number, headDim: number): Projected {
  const rows = sizeAt(x.shape, 0);
  const byHead = reshape(x, [rows, heads, 3, headDim]);
  const part = (i: number) => reshape(slice(byHead, 2, i, i + 1), [rows, heads * headDim]);
  return { query: part(0), key: part(1), value: part(2) };
}

function inventoryOf(config: NeoxConfig): Inventory {
  const { hiddenSize: d, intermediateSize: ff, vocabSize, attentionBias } = config;
  const inventory = new Inventory();
  inventory.weight(EMBEDDING, [vocabSize, d]);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const at = `gpt_neox.layers.${layer}`;
    const linear = (path: string, inputs: number, outputs: number, bias: boolean) => {
      const module = `${at}.${path}`;
      inventory.linear({ module, layer, inputs, outputs, bias, inputsFirst: false });
    };
    inventory.norms([`${at}.input_layernorm`, `${at}.post_attention_layernorm`], d, true);
    linear(TARGETS.qkv, d, 3 * d, attentionBias);
    linear(TARGETS.o, d, d, attentionBias);
    linear(TARGETS.up, d, ff, true);
    linear(TARGETS.down, ff, d, true);
  }
  inventory.norms(["gpt_neox.final_layer_norm"], d, true);
  if (!config.tied) inventory.weight(HEAD, [vocabSize, d]);
  return inventory;
}

import { z } from "zod";
import { patchCount } from "../../data/images/patches.ts";
import { checkShape } from "../../files/file-access.ts";
import { add } from "../../graph/elementwise.ts";
import { linear } from "../../graph/matmul.ts";
import { concat, reshape } from "../../graph/movement.ts";
import { expand } from "../../graph/reduction.ts";
import type { Shape, Value } from "../../graph/value.ts";
import { gelu } from "../../layers/activations.ts";
import type { Blocks } from "../blocks.ts";
import { imageClassifier } from "../classifier.ts";
import { count, dimension, layerCount, positive, refuse } from "../config-fields.ts";
import { normWithBias, projectedAttention } from "../decoder-blocks.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { Inventory } from "../inventory.ts";

const PREFIX = "vit.";
const EMBEDDINGS = `${PREFIX}embeddings`;
const PROJECTION = `${EMBEDDINGS}.patch_embeddings.projection`;
const CHANNELS = 3;

/** The keys of config.json that change what is computed, with the defaults of Hugging Face's ViTConfig. */
const schema = z.object({
  architectures: z.array(z.string()).nullish(),
  hidden_size: dimension.default(768),
  intermediate_size: dimension.default(3072),
  num_hidden_layers: layerCount.default(12),
  num_attention_heads: count.default(12),
  layer_norm_eps: positive.max(1).default(1e-12),
  hidden_act: z.string().default("gelu"),
  image_size: count.default(224),
  patch_size: count.default(16),
  num_channels: count.default(CHANNELS),
  qkv_bias: z.boolean().default(true),
});

interface ViTConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly normEpsilon: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly attentionBias: boolean;
}

function configOf(raw: z.infer<typeof schema>, file: string): ViTConfig {
  const { hidden_size: hiddenSize, num_attention_heads: heads, hidden_act: act } = raw;
  const { image_size: imageSize, patch_size: patchSize, num_channels: channels } = raw;
  if (act !== "gelu") throw refuse(file, `hidden_act is ${act}, and only gelu is supported`);
  if (channels !== CHANNELS) throw refuse(file, `num_channels is ${channels}, not ${CHANNELS}`);
  if (hiddenSize % heads !== 0) {
    throw refuse(file, `hidden_size ${hiddenSize} is not a multiple of ${heads} attention heads`);
  }
  if (imageSize % patchSize !== 0) {
    throw refuse(file, `image_size ${imageSize} is not a multiple of patch_size ${patchSize}`);
  }
  return {
    hiddenSize,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads,
    normEpsilon: raw.layer_norm_eps,
    imageSize,
    patchSize,
    attentionBias: raw.qkv_bias,
  };
}

/** Patches of an image. */
const patchesOf = ({ imageSize: size, patchSize: patch }: ViTConfig) => patchCount({ size, patch });

function inventoryOf(config: ViTConfig): Inventory {
  const { hiddenSize: d, intermediateSize: ff, patchSize, attentionBias } = config;
  const parts = new Inventory();
  parts.weight(`${EMBEDDINGS}.cls_token`, [1, 1, d]);
  parts.weight(`${EMBEDDINGS}.position_embeddings`, [1, patchesOf(config) + 1, d]);
  // A convolution whose steps are as wide as its kernel: no linear layer to PEFT.
  parts.weight(`${PROJECTION}.weight`, [d, CHANNELS, patchSize, patchSize]);
  parts.weight(`${PROJECTION}.bias`, [d]);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const at = `${PREFIX}layers.${layer}`;
    const add = (name: string, inputs: number, outputs: number, bias: boolean) =>
      parts.linear({ module: `${at}.${name}`, layer, inputs, outputs, bias, inputsFirst: false });
    for (const name of ["q_proj", "k_proj", "v_proj"])
      add(`attention.${name}`, d, d, attentionBias);
    add("attention.o_proj", d, d, true);
    add("mlp.fc1", d, ff, true);
    add("mlp.fc2", ff, d, true);
    parts.norms([`${at}.layernorm_before`, `${at}.layernorm_after`], d, true);
  }
  parts.norms([`${PREFIX}layernorm`], d, true);
  return parts;
}

/**
 * What the hub's files call the parts of a block: transformers renamed the modules in version 5, and PEFT goes by
 * those.
 */
const IN_FILES = [
  [/^vit\.layers\./, "vit.encoder.layer."],
  [".attention.q_proj.", ".attention.attention.query."],
  [".attention.k_proj.", ".attention.attention.key."],
  [".attention.v_proj.", ".attention.attention.value."],
  [".attention.o_proj.", ".attention.output.dense."],
  [".mlp.fc1.", ".intermediate.dense."],
  [".mlp.fc2.", ".output.dense."],
] as const;

/** Files have older names, and those of a bare `ViTModel` no prefix. */
function aliasesOf(weights: ReadonlyMap<string, Shape>): ReadonlyMap<string, string> {
  const others = [...weights.keys()].flatMap((name) => {
    const stored = IN_FILES.reduce((sofar, [ours, theirs]) => sofar.replace(ours, theirs), name);
    return [stored, stored.slice(PREFIX.length), name.slice(PREFIX.length)].map(
      (other) => [other, name] as const,
    );
  });
  return new Map(others.filter(([other, name]) => other !== name));
}

/** patches f32 [images * patches, patchPixels], behind a class token for each image, with what tells their places. */
function embedded(config: ViTConfig, blocks: Blocks, patches: Value): Value {
  const { hiddenSize: d } = config;
  const [rows = 0, pixels = 0] = patches.shape;
  const images = rows / patchesOf(config);
  const kernel = reshape(blocks.weight(`${PROJECTION}.weight`), [d, pixels]);
  const projected = add(linear(patches, kernel), blocks.weight(`${PROJECTION}.bias`));
  const first = expand(blocks.weight(`${EMBEDDINGS}.cls_token`), [images, 1, d]);
  const joined = concat([first, reshape(projected, [images, patchesOf(config), d])], 1);
  const placed = add(joined, blocks.weight(`${EMBEDDINGS}.position_embeddings`));
  return reshape(placed, [images * (patchesOf(config) + 1), d]);
}

/**
 * The Vision Transformer (Dosovitskiy et al. 2021, arXiv 2010.11929): patches of an image as positions behind a class
 * token, blocks that normalise before each part, classified on the class token.
 */
function define(json: unknown, file: string): ModelDefinition {
  const raw = checkShape(json, schema, file);
  const config = configOf(raw, file);
  const { hiddenSize, heads, normEpsilon, imageSize: size, patchSize: patch } = config;
  const headDim = hiddenSize / heads;
  const settings = { heads, keyValueHeads: heads, headDim, scale: 1 / Math.sqrt(headDim) };
  const { weights, linears } = inventoryOf(config);
  return {
    architecture: raw.architectures?.[0] ?? "ViTModel",
    vocabSize: 0,
    hiddenSize,
    layers: config.layers,
    contextMax: patchesOf(config) + 1,
    keyValueHeads: heads,
    headDim,
    windows: [],
    eosIds: [],
    settings: config,
    weights,
    aliases: aliasesOf(weights),
    linears,
    shortTargets: { q: "q_proj", k: "k_proj", v: "v_proj", o: "o_proj", up: "fc1", down: "fc2" },
    image: { size, patch },
    embedding: null,
    head: null,
    classifier: imageClassifier(hiddenSize, "ViTForImageClassification"),
    embedded: (blocks, patches) => embedded(config, blocks, patches),
    block(blocks, layer, x) {
      const norm = normWithBias(blocks, normEpsilon);
      const at = `${PREFIX}layers.${layer}`;
      const before = norm(x, `${at}.layernorm_before`);
      const after = add(x, projectedAttention(blocks, layer, `${at}.attention`, before, settings));
      const wide = gelu(blocks.linear(`${at}.mlp.fc1`, norm(after, `${at}.layernorm_after`)));
      return add(after, blocks.linear(`${at}.mlp.fc2`, wide));
    },
    lastNorm: (blocks, x) => normWithBias(blocks, normEpsilon)(x, `${PREFIX}layernorm`),
  };
}

export const VIT: Architecture = {
  names: ["ViTForImageClassification", "ViTModel"],
  modelType: "vit",
  define,
};

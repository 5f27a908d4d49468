import { add } from "../graph/elementwise.ts";
import { gatherRows } from "../graph/indexing.ts";
import { slice } from "../graph/movement.ts";
import type { Value } from "../graph/value.ts";
import { gelu } from "../layers/activations.ts";
import type { Blocks } from "./blocks.ts";
import { normWithBias } from "./decoder-blocks.ts";
import type { ModelDefinition } from "./definition.ts";
import { Inventory } from "./inventory.ts";

/** The numbers of a BERT-type encoder. */
export interface EncoderConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly normEpsilon: number;
  /** Rows of the position table. */
  readonly positions: number;
  /** The row of the first position; RoBERTa's tables begin after the padding token's number. */
  readonly firstPosition: number;
  readonly tokenTypes: number;
}

const LINEARS = {
  q: "attention.self.query",
  k: "attention.self.key",
  v: "attention.self.value",
  o: "attention.output.dense",
  up: "intermediate.dense",
  down: "output.dense",
} as const;

/** Short names for targets; `output.dense` names `o` and the layer after `up` together. */
export const ENCODER_TARGETS = {
  q: LINEARS.q,
  k: LINEARS.k,
  v: LINEARS.v,
  o: LINEARS.o,
  up: LINEARS.up,
};

/** Weights and linear layers under `prefix`, e.g. `bert.`. */
export function encoderInventory(config: EncoderConfig, prefix: string): Inventory {
  const { hiddenSize: d, intermediateSize: ff } = config;
  const parts = new Inventory();
  parts.weight(`${prefix}embeddings.word_embeddings.weight`, [config.vocabSize, d]);
  parts.weight(`${prefix}embeddings.position_embeddings.weight`, [config.positions, d]);
  parts.weight(`${prefix}embeddings.token_type_embeddings.weight`, [config.tokenTypes, d]);
  parts.norms([`${prefix}embeddings.LayerNorm`], d, true);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const at = `${prefix}encoder.layer.${layer}`;
    for (const [name, path] of Object.entries(LINEARS)) {
      const inputs = name === "down" ? ff : d;
      const outputs = name === "up" ? ff : d;
      const module = `${at}.${path}`;
      parts.linear({ module, layer, inputs, outputs, bias: true, inputsFirst: false });
    }
    parts.norms([`${at}.attention.output.LayerNorm`, `${at}.output.LayerNorm`], d, true);
  }
  return parts;
}

/**
 * The graph of a BERT-type encoder (Devlin et al. 2019, arXiv 1810.04805): embeddings of tokens, positions and the
 * first token type, then blocks that normalise after each sum.
 */
export function encoderGraph(
  config: EncoderConfig,
  prefix: string,
): Pick<ModelDefinition, "embedded" | "block"> {
  const { hiddenSize, heads, normEpsilon } = config;
  const headDim = hiddenSize / heads;
  const settings = { heads, keyValueHeads: heads, headDim, scale: 1 / Math.sqrt(headDim) };
  return {
    embedded(blocks, ids) {
      const norm = normWithBias(blocks, normEpsilon);
      return norm(embedded(config, prefix, blocks, ids), `${prefix}embeddings.LayerNorm`);
    },
    block(blocks, layer, x) {
      const norm = normWithBias(blocks, normEpsilon);
      const at = `${prefix}encoder.layer.${layer}`;
      const apply = (name: keyof typeof LINEARS, h: Value) =>
        blocks.linear(`${at}.${LINEARS[name]}`, h);
      const projected = { query: apply("q", x), key: apply("k", x), value: apply("v", x) };
      const attended = apply("o", blocks.attend(layer, projected, settings));
      const after = norm(add(attended, x), `${at}.attention.output.LayerNorm`);
      const wide = apply("down", gelu(apply("up", after)));
      return norm(add(wide, after), `${at}.output.LayerNorm`);
    },
  };
}

function embedded(config: EncoderConfig, prefix: string, blocks: Blocks, ids: Value): Value {
  const { firstPosition, positions } = config;
  const table = (name: string) => blocks.weight(`${prefix}embeddings.${name}_embeddings.weight`);
  const places = slice(table("position"), 0, firstPosition, positions);
  const words = blocks.embed(ids);
  const type = slice(table("token_type"), 0, 0, 1);
  return add(add(words, gatherRows(places, blocks.positions())), type);
}

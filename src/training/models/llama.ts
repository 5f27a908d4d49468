import type { LlamaConfig } from "../files/base-model.ts";
import { MODULES, type Target } from "../files/peft-config.ts";
import { add } from "../graph/elementwise.ts";
import { gatherRows } from "../graph/indexing.ts";
import { linear } from "../graph/matmul.ts";
import { reshape } from "../graph/movement.ts";
import { sizeOf, type Value } from "../graph/value.ts";
import { gatedUnit } from "./gated-unit.ts";
import { rmsNorm } from "./normalisation.ts";

/** Where a decoder's parameters come from while its graph is built. */
export interface LlamaParameters {
  /** A weight by its Hugging Face name. */
  weight(name: string): Value;
  /** What an adapter adds to linear layer `target` of `layer` for input x [rows, in]; undefined for nothing. */
  adapt?(layer: number, target: Target, x: Value): Value | undefined;
}

/** Attention of layer `layer` over projected query, key, value [rows, heads * headDim]; gives [rows, heads * headDim]. */
export type Attend = (layer: number, query: Value, key: Value, value: Value) => Value;

/**
 * A Llama-type decoder (Touvron et al. 2023, arXiv 2302.13971; shapes as in Hugging Face's LlamaForCausalLM) up to and
 * including the last normalisation: ids i64 of any shape give hidden states [number of ids, hiddenSize].
 */
export function llamaHidden(
  config: LlamaConfig,
  parameters: LlamaParameters,
  ids: Value,
  attend: Attend,
): Value {
  const norm = (x: Value, name: string) => rmsNorm(x, parameters.weight(name), config.normEpsilon);
  const rows = reshape(ids, [sizeOf(ids.shape)]);
  let x = gatherRows(parameters.weight("model.embed_tokens.weight"), rows);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const prefix = `model.layers.${layer}`;
    const project = (target: Target, input: Value): Value => {
      const base = linear(input, parameters.weight(`${prefix}.${MODULES[target]}.weight`));
      const delta = parameters.adapt?.(layer, target, input);
      return delta === undefined ? base : add(base, delta);
    };
    const h = norm(x, `${prefix}.input_layernorm.weight`);
    const attended = attend(layer, project("q", h), project("k", h), project("v", h));
    x = add(x, project("o", attended));
    const u = norm(x, `${prefix}.post_attention_layernorm.weight`);
    x = add(x, project("down", gatedUnit(project("gate", u), project("up", u))));
  }
  return norm(x, "model.norm.weight");
}

/** The name of the output head's weight. */
export function headName(config: LlamaConfig): string {
  return config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
}

import { seededRandom } from "../../../random.ts";
import { reshape, slice, transpose } from "../../graph/movement.ts";
import { makeLayout } from "../../layout/slots.ts";
import type { ModelDefinition } from "../../models/definition.ts";
import type { Adapter } from "../adapter.ts";
import { virtualConfig } from "../peft/peft-config.ts";
import { checkRoom, PROMPT_TENSOR, type VirtualOptions } from "./prompt.ts";

/** Small numbers: the first steps find their sizes. */
const INITIAL_BOUND = 0.02;

/**
 * Prefix tuning (Li & Liang 2021, arXiv 2101.00190): learned keys and values that every layer sees before those of the
 * text. They are stored, and trained, as the cache has them: after the rotation.
 *
 * @throws KlatchError `usage` when they fill the model's context
 */
export function createPrefix(
  definition: ModelDefinition,
  { virtualTokens }: VirtualOptions,
): Adapter {
  const { layers, keyValueHeads: heads, headDim } = definition;
  checkRoom(definition, virtualTokens);
  const width = heads * headDim;
  const layout = makeLayout([[PROMPT_TENSOR, [virtualTokens, layers * 2 * width]]]);
  return {
    settings: { kind: "prefix", virtualTokens },
    layout,
    virtualTokens,
    initial(seed) {
      const random = seededRandom(seed);
      return new Float32Array(layout.length).map(() => (2 * random() - 1) * INITIAL_BOUND);
    },
    trained: () => layout.tensors,
    adapt(_graph, tensors) {
      const all = tensors.get(PROMPT_TENSOR);
      if (all === undefined) return {};
      const split = reshape(all, [virtualTokens, layers * 2, heads, headDim]);
      const part = (at: number) => {
        const rows = reshape(slice(split, 1, at, at + 1), [virtualTokens, heads, headDim]);
        return transpose(rows, [1, 0, 2]);
      };
      const prefix = (layer: number) => ({ key: part(2 * layer), value: part(2 * layer + 1) });
      return { beginning: { length: virtualTokens, prefix } };
    },
    peftConfig: () => ({
      ...virtualConfig({ virtualTokens, width, heads, layers }),
      encoder_hidden_size: width,
      peft_type: "PREFIX_TUNING",
      prefix_projection: false,
    }),
  };
}

import { KlatchError } from "../../../errors.ts";
import { seededRandom } from "../../../random.ts";
import type { BaseModel } from "../../base/base-model.ts";
import { makeLayout } from "../../layout/slots.ts";
import type { ModelDefinition } from "../../models/definition.ts";
import type { Adapter } from "../adapter.ts";
import { virtualConfig } from "../peft/peft-config.ts";

/** The only tensor in a PEFT file of a method with virtual tokens. */
export const PROMPT_TENSOR = "prompt_embeddings";

export interface VirtualOptions {
  readonly virtualTokens: number;
}

/**
 * Prompt tuning (Lester et al. 2021, arXiv 2104.08691): learned embeddings before those of every text. They start as
 * the embeddings of tokens drawn from the vocabulary.
 *
 * @throws KlatchError `usage` when they fill the model's context, `incompatible` for a model that reads no tokens
 */
export function createPrompt(base: BaseModel, { virtualTokens }: VirtualOptions): Adapter {
  const { definition } = base;
  const { hiddenSize, vocabSize, layers, keyValueHeads, embedding: tableName } = definition;
  const { embeddingScale = 1 } = definition;
  checkRoom(definition, virtualTokens);
  if (tableName === null) throw noTokens(definition);
  const layout = makeLayout([[PROMPT_TENSOR, [virtualTokens, hiddenSize]]]);
  return {
    settings: { kind: "prompt", virtualTokens },
    layout,
    virtualTokens,
    initial(seed) {
      const table = base.tensor(tableName).data;
      const random = seededRandom(seed);
      const values = new Float32Array(layout.length);
      for (let row = 0; row < virtualTokens; row += 1) {
        const from = Math.floor(random() * vocabSize) * hiddenSize;
        const embedding = table.subarray(from, from + hiddenSize);
        values.set(
          embedding.map((x) => x * embeddingScale),
          row * hiddenSize,
        );
      }
      return values;
    },
    trained: () => layout.tensors,
    adapt(_graph, tensors) {
      const prompt = tensors.get(PROMPT_TENSOR);
      return prompt === undefined ? {} : { beginning: { length: virtualTokens, prompt } };
    },
    peftConfig: () => ({
      ...virtualConfig({ virtualTokens, width: hiddenSize, heads: keyValueHeads, layers }),
      peft_type: "PROMPT_TUNING",
      prompt_tuning_init: "RANDOM",
    }),
  };
}

function noTokens({ architecture }: ModelDefinition): KlatchError {
  return new KlatchError(
    "incompatible",
    `${architecture} reads images, before which no tokens can stand`,
    "choose an adapter of another kind, e.g. lora",
  );
}

/** @throws KlatchError `usage` when virtual tokens leave no room for text */
export function checkRoom({ contextMax }: ModelDefinition, virtualTokens: number): void {
  if (virtualTokens < contextMax - 1) return;
  throw new KlatchError(
    "usage",
    `${virtualTokens} virtual tokens leave no room in a context of ${contextMax}`,
    "choose fewer, e.g. 16",
  );
}

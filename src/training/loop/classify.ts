import type { AnyExample } from "../data/examples/example.ts";
import type { LabelKind } from "../data/examples/labels.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import { EvaluationSize, inBatches } from "./evaluation.ts";

/**
 * How likely each class of a classifier is for each example, in the order of the examples: one of them, or each by
 * itself.
 *
 * @throws KlatchError `memory` when one example does not fit
 */
export async function classify(
  model: AdaptedModel,
  adapter: Float32Array,
  examples: readonly AnyExample[],
  kind: LabelKind,
  sequenceMax: number,
  size = new EvaluationSize(),
): Promise<readonly (readonly number[])[]> {
  const sharesOf = kind === "one" ? softmax : sigmoid;
  const found = new Map<AnyExample, readonly number[]>();
  for await (const { taken, batch, results } of inBatches(
    model,
    adapter,
    examples,
    sequenceMax,
    size,
  )) {
    const { logits = new Float32Array() } = results;
    const classes = logits.length / batch.shape.batch;
    for (const [row, example] of taken.entries()) {
      found.set(example, sharesOf(logits.subarray(row * classes, (row + 1) * classes)));
    }
  }
  return examples.map((example) => found.get(example) ?? []);
}

function softmax(logits: Float32Array): readonly number[] {
  const greatest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function sigmoid(logits: Float32Array): readonly number[] {
  return Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
}

import assert from "node:assert/strict";
import type { BatchShape } from "../batches/batch.ts";
import { greaterOrEqual } from "../graph/elementwise.ts";
import { gradients } from "../graph/gradient.ts";
import { gatherRows } from "../graph/indexing.ts";
import { linear } from "../graph/matmul.ts";
import { reshape } from "../graph/movement.ts";
import { recomputedGradients } from "../graph/recompute.ts";
import type { Value } from "../graph/value.ts";
import { softcap } from "../layers/activations.ts";
import { type HeadLoss, headLoss } from "../layers/cross-entropy.ts";
import type { Blocks } from "../models/blocks.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { packedSequences } from "../models/sequences/packed-sequences.ts";
import { wholeSequences } from "../models/sequences/whole-sequences.ts";
import type { ProgramParts } from "./program-parts.ts";

/** The output of a program that holds the gradient of parameter `name`. */
export function gradientName(name: string): string {
  return `gradient of ${name}`;
}

/**
 * The masked mean loss of a batch. Inputs `ids` [batch, length], `targets` [lossRows], `weights` [lossRows, 1] of the
 * model's type and, unless every position carries loss, `positions` [lossRows]; those of `packedSequences` for packed
 * rows.
 */
export function batchLoss(
  definition: ModelDefinition,
  { graph, blocks: over }: Pick<ProgramParts, "graph" | "blocks">,
  shape: BatchShape,
): HeadLoss {
  const { batch, length, lossRows, longest = length } = shape;
  const blocks = over(
    shape.packed === true
      ? packedSequences(graph, batch, length, longest)
      : wholeSequences(batch, length, undefined, (before) => before + longest),
  );
  const ids = reshape(graph.input("ids", [batch, length], "i64"), [batch * length]);
  const hidden = blocks.hidden(ids);
  const rows =
    shape.everyPosition === true
      ? hidden
      : gatherRows(hidden, graph.input("positions", [lossRows], "i64"));
  const head = outputHead(definition, blocks);
  const targets = graph.input("targets", [lossRows], "i64");
  const weights = graph.input("weights", [lossRows, 1], hidden.dtype);
  return headLoss(rows, head, targets, weights, { cap: definition.logitCap });
}

/** The logits [rows, vocabSize] of a model that writes text, from its hidden states [rows, hiddenSize]. */
export function outputLogits(definition: ModelDefinition, blocks: Blocks, hidden: Value): Value {
  const products = linear(hidden, outputHead(definition, blocks));
  const { logitCap } = definition;
  return logitCap === undefined ? products : softcap(products, logitCap);
}

function outputHead({ head, architecture }: ModelDefinition, blocks: Blocks): Value {
  assert.ok(head !== null, `${architecture} writes text`);
  return blocks.head ?? blocks.weight(head);
}

/** Outputs `loss` and the gradient of each of `wanted`, with what each block has computed kept for it or recomputed. */
export function trainingOutputs(
  loss: Value,
  wanted: ReadonlyMap<string, Value>,
  recompute = false,
): Readonly<Record<string, Value>> {
  const found = (recompute ? recomputedGradients : gradients)(loss, [...wanted.values()]);
  const outputs: Record<string, Value> = { loss };
  for (const [i, name] of [...wanted.keys()].entries()) {
    const gradient = found[i];
    if (gradient !== undefined) outputs[gradientName(name)] = gradient;
  }
  return outputs;
}

/** Outputs `rowLosses` [lossRows, 1], `correct` (the target has the greatest logit) and, of classifiers, `logits`. */
export function evaluationOutputs({
  rowLosses,
  target,
  best,
  logits,
}: HeadLoss): Readonly<Record<string, Value>> {
  const outputs = { rowLosses, correct: greaterOrEqual(target, best) };
  return logits === undefined ? outputs : { ...outputs, logits };
}

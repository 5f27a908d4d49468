import type { BatchShape } from "../batches.ts";
import type { LlamaConfig } from "../files/base-model.ts";
import { greaterOrEqual } from "../graph/elementwise.ts";
import { gradients } from "../graph/gradient.ts";
import { gatherRows } from "../graph/indexing.ts";
import { matmul } from "../graph/matmul.ts";
import type { DType, Graph, Value } from "../graph/value.ts";
import type { LoraLayout } from "../lora.ts";
import { causalAttention } from "./causal-attention.ts";
import { type HeadLoss, headLoss } from "./cross-entropy.ts";
import { headName, type LlamaParameters, llamaHidden } from "./llama.ts";

/** The output of a program that holds the gradient of parameter `name`. */
export function gradientName(name: string): string {
  return `gradient of ${name}`;
}

/** An adapter's factors as inputs of a graph, added to the linear layers that it adapts. */
export function loraInputs(
  graph: Graph,
  layout: LoraLayout,
  dtype: DType = "f32",
): { readonly factors: ReadonlyMap<string, Value>; readonly adapt: LlamaParameters["adapt"] } {
  const factors = new Map<string, Value>();
  for (const slot of layout.tensors)
    factors.set(slot.name, graph.input(slot.name, slot.shape, dtype));
  const pairs = new Map(layout.adapted.map((each) => [`${each.layer}.${each.target}`, each]));
  return {
    factors,
    adapt(layer, target, x) {
      const pair = pairs.get(`${layer}.${target}`);
      const a = pair && factors.get(pair.a.name);
      const b = pair && factors.get(pair.b.name);
      if (a === undefined || b === undefined) return undefined;
      const thin = matmul(x, a, { transposeB: true });
      return matmul(thin, b, { transposeB: true, alpha: layout.scale });
    },
  };
}

/**
 * The masked mean loss of a batch. Inputs `ids` [batch, length], `targets` [lossRows], `weights` [lossRows, 1] and,
 * unless every position has a loss row, `positions` [lossRows]; `lossWeights` takes the place of the input `weights`.
 */
export function batchLoss(
  graph: Graph,
  config: LlamaConfig,
  parameters: LlamaParameters,
  shape: BatchShape,
  lossWeights?: Value,
): HeadLoss {
  const { batch, length, lossRows } = shape;
  const ids = graph.input("ids", [batch, length], "i64");
  const attend = causalAttention(config, batch, length);
  const hidden = llamaHidden(config, parameters, ids, attend);
  const rows =
    lossRows === batch * length
      ? hidden
      : gatherRows(hidden, graph.input("positions", [lossRows], "i64"));
  const head = parameters.weight(headName(config));
  const targets = graph.input("targets", [lossRows], "i64");
  const weights = lossWeights ?? graph.input("weights", [lossRows, 1], "f32");
  return headLoss(rows, head, targets, weights);
}

/** Outputs `loss` and the gradient of each of `wanted`. */
export function trainingOutputs(
  loss: Value,
  wanted: ReadonlyMap<string, Value>,
): Readonly<Record<string, Value>> {
  const found = gradients(loss, [...wanted.values()]);
  const outputs: Record<string, Value> = { loss };
  for (const [i, name] of [...wanted.keys()].entries()) {
    const gradient = found[i];
    if (gradient !== undefined) outputs[gradientName(name)] = gradient;
  }
  return outputs;
}

/** Outputs `rowLosses` [lossRows, 1] and `correct` (the target has the greatest logit). */
export function evaluationOutputs(loss: HeadLoss): Readonly<Record<string, Value>> {
  return { rowLosses: loss.rowLosses, correct: greaterOrEqual(loss.target, loss.best) };
}

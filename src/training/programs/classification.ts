import assert from "node:assert/strict";
import { headModuleTensors } from "../adapters/classification-head.ts";
import type { Batch, BatchShape } from "../batches/batch.ts";
import type { LabelKind } from "../data/examples/labels.ts";
import { patchCount } from "../data/images/patches.ts";
import { add } from "../graph/elementwise.ts";
import { matmul } from "../graph/matmul.ts";
import { reshape } from "../graph/movement.ts";
import type { Arrays, Graph, Value } from "../graph/value.ts";
import { logitLoss, markedLoss } from "../layers/cross-entropy.ts";
import { classifierOf } from "../models/classifier.ts";
import type { Classifier, ModelDefinition } from "../models/definition.ts";
import { paddedSequences } from "../models/sequences/padded-sequences.ts";
import { wholeSequences } from "../models/sequences/whole-sequences.ts";
import type { Objective } from "./objective.ts";

/** A score that no softmax sees. */
const HIDDEN = -1e9;

/**
 * To tell the class of a text or an image, or its classes: cross-entropy of a head whose layers lie in the adapter, on
 * one row for each. Inputs `ids` [batch, length] or `pixels` [batch, patches, patchPixels], `pooling` [batch, 1,
 * length] (shares of a row's positions), `targets` [batch] (for any number of classes `marks` [batch, classes]),
 * `weights` [batch, 1] and, for encoders, `padding` (see `paddedSequences`).
 */
export function classification(
  definition: ModelDefinition,
  classes: number,
  kind: LabelKind,
): Objective {
  const classifier = classifierOf(definition);
  return {
    loss(_definition, { graph, tensors, blocks: over }, shape) {
      const blocks = over(sequencesOf(classifier, graph, shape));
      const { batch } = shape;
      const pooled = pool(blocks.hidden(inputOf(definition, graph, shape)), shape);
      const logits = classifier.logits(blocks, pooled, (module, x) =>
        headLayer(tensors, module, x),
      );
      const weights = graph.input("weights", [batch, 1], "f32");
      if (kind === "one") return logitLoss(logits, graph.input("targets", [batch], "i64"), weights);
      return markedLoss(logits, graph.input("marks", [batch, classes], "f32"), weights);
    },
    feeds(batch) {
      const { weights } = batch;
      const answers =
        kind === "one" ? { targets: batch.targets } : { marks: marksOf(batch, classes) };
      return { ...inputFeeds(classifier, batch), ...answers, weights };
    },
  };
}

/** The ids of texts, or the patches of images, of all rows. */
function inputOf({ image }: ModelDefinition, graph: Graph, { batch, length }: BatchShape): Value {
  if (image === undefined) {
    return reshape(graph.input("ids", [batch, length], "i64"), [batch * length]);
  }
  const patches = patchCount(image);
  const numbers = image.patch ** 2 * 3;
  const pixels = graph.input("pixels", [batch, patches, numbers], "f32");
  return reshape(pixels, [batch * patches, numbers]);
}

function sequencesOf({ bidirectional }: Classifier, graph: Graph, shape: BatchShape) {
  const { batch, length, longest = length } = shape;
  if (bidirectional) return paddedSequences(graph, batch, length);
  return wholeSequences(batch, length, undefined, (before) => before + longest);
}

/** Rows [batch, width] from hidden states [batch * length, width]. */
function pool(hidden: Value, { batch, length }: BatchShape): Value {
  const [, width = 0] = hidden.shape;
  const shares = hidden.graph.input("pooling", [batch, 1, length], "f32");
  return reshape(matmul(shares, reshape(hidden, [batch, length, width])), [batch, width]);
}

/** One layer of the head, from the adapter's tensors. */
function headLayer(tensors: ReadonlyMap<string, Value>, module: string, x: Value): Value {
  const { weight, bias } = headModuleTensors(module);
  const matrix = tensors.get(weight);
  assert.ok(matrix !== undefined, `an adapter with the head's ${weight}`);
  const product = matmul(x, matrix, { transposeB: true });
  const shift = tensors.get(bias);
  return shift === undefined ? product : add(product, shift);
}

/** 1 for each class of a row, [batch, classes]. */
function marksOf({ labels = [], shape }: Batch, classes: number): Float32Array {
  const marks = new Float32Array(shape.batch * classes);
  for (const [row, numbers] of labels.entries()) {
    for (const number of numbers) marks[row * classes + number] = 1;
  }
  return marks;
}

function inputFeeds({ pooling, bidirectional }: Classifier, batch: Batch): Arrays {
  const { shape, ids, pixels, lengths } = batch;
  const shares = new Float32Array(shape.batch * shape.length);
  const padding = new Float32Array(shape.batch * shape.length);
  for (const [row, tokens] of lengths.entries()) {
    const start = row * shape.length;
    padding.fill(HIDDEN, start + tokens, start + shape.length);
    if (tokens === 0) continue;
    if (pooling === "first") shares[start] = 1;
    else if (pooling === "last") shares[start + tokens - 1] = 1;
    else shares.fill(1 / tokens, start, start + tokens);
  }
  const input = pixels === undefined ? { ids } : { pixels };
  const own = { ...input, pooling: shares };
  return bidirectional ? { ...own, padding } : own;
}

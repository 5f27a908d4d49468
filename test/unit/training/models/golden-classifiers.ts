import assert from "node:assert/strict";
import type { Adapter } from "../../../../src/training/adapters/adapter.ts";
import {
  startOfHead,
  withClassificationHead,
} from "../../../../src/training/adapters/classification-head.ts";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import type { BaseModel } from "../../../../src/training/base/base-model.ts";
import { collate } from "../../../../src/training/batches/collate.ts";
import type { Labelled } from "../../../../src/training/data/examples/example.ts";
import type { PatchGrid } from "../../../../src/training/data/images/patches.ts";
import { modelImage, valuesOf } from "../../../../src/training/data/images/processor.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import type { ModelDefinition } from "../../../../src/training/models/definition.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { classification } from "../../../../src/training/programs/classification.ts";
import { engine } from "../graph/finite-differences.ts";
import {
  type GoldenGradients,
  goldenModelOf,
  goldenValues,
  readGoldens,
  stream,
} from "./golden-numbers.ts";

/** What Hugging Face transformers and PEFT computed; make.py beside the files says how. */
export interface GoldenClassifier {
  readonly rank: number;
  readonly alpha: number;
  readonly config: { readonly architectures: readonly string[]; readonly model_type: string };
  /** What is classified: token ids, or the names of the streams that images are made of. */
  readonly texts?: readonly (readonly number[])[];
  readonly images?: readonly string[];
  readonly loss: number;
  /** Of each text or image. */
  readonly logits: readonly (readonly number[])[];
  readonly gradients: GoldenGradients;
}

export const CLASSES = ["no", "yes", "perhaps"];

/** Every case by name. */
export const CLASSIFIERS = readGoldens<GoldenClassifier>("test/fixtures/encoders");

/** A model of this config.json with the weights that make.py gives it; a name's stream may be another name's. */
export function goldenBase(config: object, nameOf?: (name: string) => string): BaseModel {
  const definition = parseModelConfig(JSON.stringify(config), "config.json");
  return goldenModelOf(definition, definition.weights, nameOf);
}

export interface ClassifierModel {
  readonly method: Adapter;
  readonly model: AdaptedModel;
  readonly adapter: Float32Array;
  readonly examples: readonly Labelled[];
}

/** A case's model with LoRA on every linear layer and a head; reads its weights anew at every run. */
export function classifierModel(golden: GoldenClassifier, base: BaseModel): ClassifierModel {
  const { definition } = base;
  const { rank, alpha } = golden;
  const lora = createLora(definition, { kind: "lora", rank, alpha, targets: ["all"] });
  const method = withClassificationHead(lora, definition, CLASSES, {
    start: startOfHead(base, CLASSES),
  });
  const adapter = goldenValues(method.layout);
  const objective = classification(definition, CLASSES.length, "one");
  const model = new AdaptedModel(base, method, engine, { copyBytesMax: 0, objective });
  return { method, model, adapter, examples: examplesOf(golden, definition) };
}

/** Text or image `i` is of class `i`. */
function examplesOf(
  { texts = [], images = [] }: GoldenClassifier,
  { image: grid }: ModelDefinition,
): readonly Labelled[] {
  if (grid === undefined) {
    return texts.map((ids, label) => ({ ids: Int32Array.from(ids), label, truncated: false }));
  }
  return images.map((name, label) => ({ image: goldenImage(name, grid), label, truncated: false }));
}

/** The image that make.py draws from the stream of this name. */
function goldenImage(name: string, grid: PatchGrid) {
  const numbers = stream(name, grid.size ** 2 * 3);
  const pixels = Uint8Array.from(numbers, (u) => Math.floor((u + 0.5) * 256));
  const halves = [0.5, 0.5, 0.5];
  return modelImage(pixels, grid, valuesOf({ factor: 1 / 255, mean: halves, deviation: halves }));
}

/** Logits of all texts or images as one batch, a row for each. */
export async function batchLogits({
  model,
  adapter,
  examples,
}: ClassifierModel): Promise<Float32Array> {
  const { logits } = await model.rowResults(adapter, collate(examples, examples.length, 24));
  assert(logits);
  return logits.slice(0, examples.length * CLASSES.length);
}

/** The greatest difference between numbers and those expected. */
export function greatestDifference(found: Float32Array, expected: ArrayLike<number>): number {
  assert.equal(found.length, expected.length);
  return Math.max(...found.map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN))));
}

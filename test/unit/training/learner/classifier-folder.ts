import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeMergedModel } from "../../../../src/training/adapters/merging/merge.ts";
import type { BaseModel } from "../../../../src/training/base/base-model.ts";
import type { FloatFormat } from "../../../../src/training/files/float-formats.ts";
import { WEIGHTS_FILE } from "../../../../src/training/files/model-files.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { writeSafetensors } from "../../../../src/training/files/safetensors-writer.ts";
import { DECODERS } from "../../../../src/training/models/architectures/architectures.ts";
import { GOLDENS } from "../models/golden-architectures.ts";
import {
  CLASSIFIERS,
  type ClassifierModel,
  type GoldenClassifier,
} from "../models/golden-classifiers.ts";

export const TEXTS = [
  [1, 14, 51, 40, 42, 7],
  [21, 58, 3],
  [28, 4, 54, 56, 10, 38, 18, 11],
];

/** The golden classifiers that transformers has a class for, and every decoder with texts of our own. */
export const MERGEABLE: readonly (readonly [string, GoldenClassifier])[] = [
  ...CLASSIFIERS.filter(([name]) => name !== "bert-mean"),
  ...DECODERS.map(({ names: [writer = ""], modelType: model_type }) => {
    const found = GOLDENS.find(([, { config }]) => config.architectures[0] === writer)?.[1];
    assert(found, writer);
    const { rank, alpha, config } = found;
    const own = { config: { ...config, model_type }, texts: TEXTS };
    return [writer, { rank, alpha, ...own, loss: 0, logits: [], gradients: {} }] as const;
  }),
];

/** How a model's file differs from the definition's names. */
export interface FolderChanges {
  readonly nameOf?: (name: string) => string;
  readonly more?: Readonly<Record<string, FloatTensor>>;
}

/** Writes a model of this config.json, whose file calls the weights by `nameOf` and holds `more` besides. */
export async function writeModelFolder(
  folder: string,
  base: BaseModel,
  config: object,
  { nameOf = (name) => name, more = {} }: FolderChanges = {},
): Promise<void> {
  const names = [...base.definition.weights.keys()];
  const tensors = names.map((name) => [nameOf(name), base.tensor(name)] as const);
  await writeSafetensors(
    join(folder, WEIGHTS_FILE),
    new Map([...tensors, ...Object.entries(more)]),
  );
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
}

export async function mergeClassifier(
  folder: string,
  { method, adapter, model }: ClassifierModel,
  out: string,
  dtype: FloatFormat | null = null,
): Promise<void> {
  const { definition } = model.base;
  const request = { base: folder, definition, adapter: method, values: adapter, out, dtype };
  await writeMergedModel(request);
}

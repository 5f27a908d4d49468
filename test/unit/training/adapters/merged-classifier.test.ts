import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type BaseModel, loadBaseModel } from "../../../../src/training/base/base-model.ts";
import type { FloatFormat } from "../../../../src/training/files/float-formats.ts";
import { WEIGHTS_FILE } from "../../../../src/training/files/model-files.ts";
import { readSafetensors } from "../../../../src/training/files/safetensors.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import {
  type FolderChanges,
  MERGEABLE,
  mergeClassifier,
  writeModelFolder,
} from "../learner/classifier-folder.ts";
import {
  batchLogits,
  CLASSIFIERS,
  type ClassifierModel,
  classifierModel,
  type GoldenClassifier,
  goldenBase,
  greatestDifference,
} from "../models/golden-classifiers.ts";

async function merge(folder: string, made: ClassifierModel, dtype: FloatFormat | null = null) {
  const out = temporaryFolder();
  await mergeClassifier(folder, made, out, dtype);
  return out;
}

async function writeFolder(base: BaseModel, config: object, changes?: FolderChanges) {
  const folder = temporaryFolder();
  await writeModelFolder(folder, base, config, changes);
  return folder;
}

/** The folder's model as training finds it: with its own head, and a LoRA that changes nothing yet. */
async function opened(folder: string, golden: GoldenClassifier): Promise<ClassifierModel> {
  const made = classifierModel(golden, await loadBaseModel(folder));
  return { ...made, adapter: made.method.initial(1) };
}

describe("a merged classifier", () => {
  test.each(MERGEABLE)("gives the logits of base, adapter and head: %s", async (_, golden) => {
    const made = classifierModel(golden, goldenBase(golden.config));
    const folder = await writeFolder(made.model.base, golden.config);

    const found = await opened(await merge(folder, made), golden);

    const logits = await batchLogits(found);
    const plain = await batchLogits({ ...found, adapter: found.adapter.slice().fill(0) });
    expect(greatestDifference(logits, await batchLogits(made))).toBeLessThan(1e-4);
    if (golden.logits.length > 0)
      expect(greatestDifference(logits, golden.logits.flat())).toBeLessThan(1e-4);
    // Control: the head in the file does count.
    expect(greatestDifference(plain, logits)).toBeGreaterThan(0.05);
    await Promise.all([made.model.close(), found.model.close()]);
  });

  test("is of transformers' class, with the names of the classes", async () => {
    const { golden, made, folder } = await someCase("GPTNeoXForCausalLM");
    const text = await readFile(join(await merge(folder, made), "config.json"), "utf8");
    expect(JSON.parse(text)).toEqual({
      ...JSON.parse(JSON.stringify(golden.config)),
      architectures: ["GPTNeoXForSequenceClassification"],
      problem_type: "single_label_classification",
      num_labels: 3,
      id2label: { 0: "no", 1: "yes", 2: "perhaps" },
      label2id: { no: 0, yes: 1, perhaps: 2 },
    });
    // transformers takes no 2 for a float.
    expect(text).toContain('"factor": 2.0');
  });

  test("has the weights of its class alone, by their own names", async () => {
    const { golden, made } = await someCase("bert");
    const { base } = made.model;
    const folder = await writeFolder(base, golden.config, {
      nameOf: (name) => name.replace(/^bert\./, "").replace("LayerNorm.weight", "LayerNorm.gamma"),
      more: {
        "cls.predictions.bias": { shape: [2], data: Float32Array.of(1, 2) },
        "classifier.bias": { shape: [7], data: new Float32Array(7) },
      },
    });

    const { tensors } = await readSafetensors(join(await merge(folder, made), WEIGHTS_FILE));

    const expected = [...base.definition.weights.keys(), "classifier.weight", "classifier.bias"];
    expect([...tensors.keys()].sort()).toEqual(expected.sort());
    expect(tensors.get("classifier.bias")?.shape).toEqual([3]);
  });

  test("has no head over the vocabulary, nor a second name for the embedding", async () => {
    for (const name of ["GPTNeoXForCausalLM", "LlamaForCausalLM"]) {
      const { golden, made } = await someCase(name);
      const { base } = made.model;
      const { head, embedding, aliases } = base.definition;
      const tied =
        head === embedding ? [...aliases].map(([alias, own]) => [alias, base.tensor(own)]) : [];
      const folder = await writeFolder(base, golden.config, { more: Object.fromEntries(tied) });
      const { tensors } = await readSafetensors(join(await merge(folder, made), WEIGHTS_FILE));
      expect(tensors.has("score.weight")).toBe(true);
      expect(tensors.has(embedding ?? "")).toBe(true);
      expect([...tensors.keys()].filter((each) => /lm_head|embed_out/.test(each))).toEqual([]);
    }
  });

  test("is written in F16 on request, head included", async () => {
    const { made, folder } = await someCase("roberta");
    const out = await merge(folder, made, "F16");
    const config = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(config).toMatchObject({
      architectures: ["RobertaForSequenceClassification"],
      torch_dtype: "float16",
    });
    const { tensors } = await readSafetensors(join(out, WEIGHTS_FILE));
    expect(tensors.get("classifier.out_proj.weight")?.data).not.toEqual(
      made.method.head?.weights(made.adapter).get("classifier.out_proj.weight")?.data,
    );
  });

  test("cannot be of an encoder that is pooled by the mean", async () => {
    const { made, folder } = await someCase("bert-mean");
    await expect(merge(folder, made)).rejects.toThrow("transformers has no class for a BertModel");
  });
});

/** A classifier of a golden case, and its base's folder. */
async function someCase(name: string) {
  const golden = [...MERGEABLE, ...CLASSIFIERS].find(([each]) => each === name)?.[1];
  assert(golden, name);
  const made = classifierModel(golden, goldenBase(golden.config));
  return { golden, made, folder: await writeFolder(made.model.base, golden.config) };
}

test("a decoder saved as a classifier writes no text, and can be one again", async () => {
  const { made, folder, golden } = await someCase("GPT2LMHeadModel");
  const out = await merge(folder, made);
  const base = await loadBaseModel(out);
  expect(base.definition.architecture).toBe("GPT2ForSequenceClassification");
  expect(base.definition.head).toBeNull();
  const again = await merge(out, classifierModel(golden, base));
  expect((await loadBaseModel(again)).definition.architecture).toBe(base.definition.architecture);
});

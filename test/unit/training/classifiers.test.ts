import assert from "node:assert/strict";
import { afterAll, describe, expect, test } from "vitest";
import { collate, collateParts } from "../../../src/training/batches/collate.ts";
import type { LabelledExample } from "../../../src/training/data/examples/example.ts";
import { ENCODERS } from "../../../src/training/models/architectures.ts";
import {
  CLASSES,
  CLASSIFIERS,
  type ClassifierModel,
  classifierModel,
  type GoldenClassifier,
  goldenBase,
} from "./golden-classifiers.ts";
import { expectGradients } from "./golden-numbers.ts";

/** Logits of texts as one batch, a row for each. */
async function logitsOf(
  { model, adapter }: ClassifierModel,
  examples: readonly LabelledExample[],
): Promise<readonly (readonly number[])[]> {
  const { logits } = await model.rowResults(adapter, collate(examples, examples.length, 24));
  assert.ok(logits !== undefined);
  return examples.map((_, row) => [
    ...logits.subarray(row * CLASSES.length, (row + 1) * CLASSES.length),
  ]);
}

function distance(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  const others = b.flat();
  return Math.max(...a.flat().map((x, i) => Math.abs(x - (others[i] ?? Number.NaN))));
}

describe.each(CLASSIFIERS)("%s agrees with Hugging Face transformers", (_, golden) => {
  const base = goldenBase(golden.config);
  const made = classifierModel(golden, base);
  const { model, adapter, method, examples } = made;
  afterAll(() => model.close());

  test("in the logits of padded texts", async () => {
    expect(distance(await logitsOf(made, examples), golden.logits)).toBeLessThan(1e-4);
  });

  test("and in those of each text by itself", async () => {
    for (const [row, example] of examples.entries()) {
      const found = await logitsOf(made, [example]);
      expect(distance(found, golden.logits.slice(row, row + 1))).toBeLessThan(1e-4);
    }
  });

  test("in its loss and the gradients of LoRA and the head, under PEFT's names", async () => {
    const { layout } = method;
    const gradient = new Float32Array(layout.length);
    const parts = collateParts(examples, 24);
    const loss = await model.lossAndGradient(adapter, parts, layout.tensors, gradient);
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
    // What is zero in exact arithmetic, as a key's bias is, has no relative error.
    expectGradients(layout, gradient, golden.gradients, 1e-6);
  });

  test("only with every weight that is a vector (control)", async () => {
    const keyBias = /key\.bias$/;
    for (const [name, shape] of base.definition.weights) {
      // softmax does not see a number that is added to all of a query's scores.
      if (shape.length !== 1 || keyBias.test(name)) continue;
      const { data } = base.tensor(name);
      const kept = data.slice();
      data.fill(0);
      const found = await logitsOf(made, examples);
      data.set(kept);
      expect(distance(found, golden.logits), name).toBeGreaterThan(1e-4);
    }
  });
});

test("every encoder has a case", () => {
  const tested = CLASSIFIERS.map(([, { config }]) => config.model_type);
  for (const { modelType } of ENCODERS) expect(tested).toContain(modelType);
});

const encoder = (name: string): GoldenClassifier => {
  const found = CLASSIFIERS.find(([each]) => each === name)?.[1];
  assert.ok(found !== undefined, name);
  return found;
};

test("PEFT's targets leave out the frozen layers whose names end alike", () => {
  const { config } = encoder("bert");
  const { method, model } = classifierModel(encoder("bert"), goldenBase(config));
  const { target_modules, task_type, modules_to_save } = method.peftConfig();
  expect(target_modules).not.toContain("dense");
  expect(target_modules).toContain("output.dense");
  expect([task_type, modules_to_save]).toEqual(["SEQ_CLS", ["classifier"]]);
  return model.close();
});

describe("an encoder's files", () => {
  for (const [what, nameOf] of [
    ["without the prefix", (name: string) => name.replace(/^bert\./, "")],
    [
      "with TensorFlow's names",
      (name: string) =>
        name
          .replace("LayerNorm.weight", "LayerNorm.gamma")
          .replace("LayerNorm.bias", "LayerNorm.beta"),
    ],
  ] as const) {
    test(`${what} are the same model`, () => {
      const { config } = encoder("bert");
      expect(goldenBase(config, nameOf).digest).toBe(goldenBase(config).digest);
    });
  }

  for (const [setting, value] of [
    ["hidden_act", "relu"],
    ["position_embedding_type", "relative_key"],
    ["is_decoder", true],
    ["num_attention_heads", 5],
  ] as const) {
    test(`with ${setting} ${value} are refused by name`, () => {
      const { config } = encoder("bert");
      expect(() => goldenBase({ ...config, [setting]: value })).toThrow(
        setting === "num_attention_heads" ? /attention heads/ : setting,
      );
    });
  }
});

import assert from "node:assert/strict";
import { afterAll, describe, expect, test } from "vitest";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { ENCODERS } from "../../../../src/training/models/architectures/architectures.ts";
import {
  batchLogits,
  CLASSIFIERS,
  classifierModel,
  type GoldenClassifier,
  goldenBase,
  greatestDifference,
} from "./golden-classifiers.ts";
import { expectGradients } from "./golden-numbers.ts";

describe.each(CLASSIFIERS)("%s agrees with Hugging Face transformers", (_, golden) => {
  const base = goldenBase(golden.config);
  const made = classifierModel(golden, base);
  const { model, adapter, method, examples } = made;
  afterAll(() => model.close());

  test("in the logits of a batch, padded where it is of texts", async () => {
    expect(greatestDifference(await batchLogits(made), golden.logits.flat())).toBeLessThan(1e-4);
  });

  test("and in those of each row by itself", async () => {
    for (const [row, example] of examples.entries()) {
      const found = await batchLogits({ ...made, examples: [example] });
      expect(greatestDifference(found, golden.logits[row] ?? [])).toBeLessThan(1e-4);
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
    const keyBias = /(key|k_proj)\.bias$/;
    for (const [name, shape] of base.definition.weights) {
      // softmax does not see a number that is added to all of a query's scores.
      if (shape.length !== 1 || keyBias.test(name)) continue;
      const { data } = base.tensor(name);
      const kept = data.slice();
      data.fill(0);
      const found = await batchLogits(made);
      data.set(kept);
      expect(greatestDifference(found, golden.logits.flat()), name).toBeGreaterThan(1e-4);
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

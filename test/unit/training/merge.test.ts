import { expect, test } from "vitest";
import { AdaptedModel } from "../../../src/training/adapted-model.ts";
import { createLora } from "../../../src/training/adapters/lora.ts";
import { slotView } from "../../../src/training/adapters/slots.ts";
import { type BaseTensor, makeBaseModel } from "../../../src/training/files/base-model.ts";
import { mergeLora } from "../../../src/training/merge.ts";
import { engine, numbers } from "./finite-differences.ts";
import { sequenceLogits } from "./logits.ts";
import { tinyModel } from "./tiny-llama.ts";

const IDS = [1, 4, 9, 3, 10, 0, 7];

function trainedLike() {
  const base = tinyModel();
  const lora = createLora(base.definition, { rank: 2, alpha: 6, targets: ["all"] });
  const { layout } = lora;
  const adapter = lora.initial(3);
  // B is zero at the start; give it values, as training does.
  for (const { b } of layout.adapted) slotView(adapter, b).set(numbers(8, 1).subarray(0, 4));
  return { base, lora, layout, adapter };
}

test("the base model with the adapter merged into it gives the same logits as base and adapter", async () => {
  const { base, lora, layout, adapter } = trainedLike();
  const apart = new AdaptedModel(base, lora, engine);
  const expected = await sequenceLogits(apart, adapter, IDS);
  const plain = await sequenceLogits(apart, new Float32Array(layout.length), IDS);
  const merged = new AdaptedModel(mergeLora(base, layout, adapter), lora, engine);
  const found = await sequenceLogits(merged, new Float32Array(layout.length), IDS);
  const worst = (a: Float32Array, b: Float32Array) =>
    Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? 0))));
  expect(worst(found, expected)).toBeLessThan(1e-4);
  // Control: the adapter does change the logits.
  expect(worst(plain, expected)).toBeGreaterThan(0.1);
  await apart.close();
  await merged.close();
});

test("merging changes the adapted weights only, and not in place", () => {
  const { base, layout, adapter } = trainedLike();
  const merged = mergeLora(base, layout, adapter);
  const changed: string[] = [];
  for (const name of tinyModel().definition.weights.keys()) {
    const before: BaseTensor = base.tensor(name);
    if (before.data.some((x, i) => x !== merged.tensor(name).data[i])) changed.push(name);
  }
  expect(changed.length).toBe(layout.adapted.length);
  expect(changed.every((name) => name.includes("_proj"))).toBe(true);
  expect(
    makeBaseModel(
      base.definition,
      new Map([...tinyModel().definition.weights.keys()].map((n) => [n, base.tensor(n)])),
      "again",
    ).digest,
  ).toBe(tinyModel().digest);
});

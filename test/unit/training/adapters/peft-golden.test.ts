import { describe, expect, test } from "vitest";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { slotView } from "../../../../src/training/layout/slots.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { engine } from "../graph/finite-differences.ts";
import { sequenceLogits } from "../models/logits.ts";
import {
  type Golden,
  readGolden,
  referenceModel,
  referenceValues,
  relativeError,
} from "./reference.ts";

const NAMES = ["lora", "rslora", "dora", "ia3", "bitfit", "prompt", "prefix", "bottleneck"];

/** What this learner computes for a reference, after `change` of the adapter's values. */
async function compute(golden: Golden, change: (values: Float32Array) => void = () => {}) {
  const base = referenceModel(golden.config);
  const adapter = createAdapter(base, golden.settings);
  const model = new AdaptedModel(base, adapter, engine);
  const values = referenceValues(adapter.layout);
  change(values);
  const example = { ids: Int32Array.from(golden.ids), promptLength: 1, truncated: false };
  const gradient = new Float32Array(adapter.layout.length);
  const parts = collateParts([example], golden.ids.length);
  const loss = await model.lossAndGradient(values, parts, adapter.layout.tensors, gradient);
  const logits = await sequenceLogits(model, values, golden.ids);
  await model.close();
  const { tensors } = adapter.layout;
  return {
    loss,
    logits,
    gradients: Object.fromEntries(tensors.map((slot) => [slot.name, slotView(gradient, slot)])),
  };
}

describe("an adapter computes what PEFT computes", () => {
  for (const name of NAMES) {
    test(`${name}: loss, logits and every gradient`, async () => {
      const golden = readGolden(name);
      const found = await compute(golden);
      expect(Math.abs(found.loss / golden.loss - 1)).toBeLessThan(1e-5);
      expect(relativeError(found.logits, golden.logits)).toBeLessThan(1e-4);
      expect(Object.keys(found.gradients).sort()).toEqual(Object.keys(golden.gradients).sort());
      for (const [slot, expected] of Object.entries(golden.gradients)) {
        expect(relativeError(found.gradients[slot] ?? [], expected), slot).toBeLessThan(1e-3);
      }
    });
  }

  test("only with the same numbers (control)", async () => {
    const golden = readGolden("lora");
    const found = await compute(golden, (values) => values.fill(0, 0, 1));
    expect(relativeError(found.logits, golden.logits)).toBeGreaterThan(1e-4);
  });
});

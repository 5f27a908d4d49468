import { afterAll, expect, test } from "vitest";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import { makeBaseModel } from "../../../../src/training/base/base-model.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { gradientNorm } from "../../../../src/training/loop/gradient-transform.ts";
import { clippedGradient } from "../../../../src/training/loop/per-example.ts";
import { llamaModel } from "../../../../src/training/models/architectures/llama.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { TINY, tinyModel } from "../models/tiny-llama.ts";

const base = tinyModel();
const lora = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
const model = new AdaptedModel(base, lora, engine);
const values = Float32Array.from(numbers(lora.layout.length, 3), (x) => 0.3 * x);
const slots = lora.layout.tensors;
afterAll(() => model.close());

const examples = [
  [1, 5, 3, 9],
  [1, 7, 7],
  [4, 2, 10, 0, 6],
].map((ids) => ({ ids: Int32Array.from(ids), promptLength: 1, truncated: false }));
const clipped = (bound: number, of = examples) =>
  clippedGradient(model, values, of, { slots, bound, sequenceMax: 16 });
const difference = (a: Float32Array, b: Float32Array) =>
  Math.hypot(...a.map((x, i) => x - (b[i] ?? 0)));

test("with a bound beyond every norm, the sum of the examples' gradients", async () => {
  const all = await clipped(1e6);
  const each = await Promise.all(examples.map((example) => clipped(1e6, [example])));
  const sum = all.sum.map((_, i) => each.reduce((total, { sum: g }) => total + (g[i] ?? 0), 0));
  expect(difference(all.sum, sum)).toBeLessThan(1e-5 * Math.hypot(...sum));
  expect(all.norms).toEqual(each.flatMap(({ norms }) => norms));
});

test("one example moves the sum by the bound at most, and by all of it when its gradient is longer", async () => {
  const bound = 0.5 * Math.min(...(await clipped(1e6)).norms);
  const all = await clipped(bound);
  for (const left of examples) {
    const rest = await clipped(
      bound,
      examples.filter((example) => example !== left),
    );
    expect(difference(all.sum, rest.sum) / bound).toBeCloseTo(1, 4);
  }
  // Control: unclipped, the longest gradient moves the sum by more.
  const whole = await clipped(1e6);
  const without = await clipped(1e6, examples.slice(1));
  expect(difference(whole.sum, without.sum)).toBeGreaterThan(1.5 * bound);
  expect(gradientNorm(all.sum, slots)).toBeLessThanOrEqual(3 * bound * (1 + 1e-5));
});

test("an example whose gradient is no number adds nothing", async () => {
  // An embedding so large that the gradient through its normalisation overflows before it is divided.
  const tensors = new Map(
    [...base.definition.weights.keys()].map((name) => [name, base.tensor(name)]),
  );
  const embedding = base.definition.embedding ?? "";
  const table = base.tensor(embedding);
  const damaged = { ...table, data: table.data.slice() };
  damaged.data.fill(3e38, 9 * TINY.hiddenSize, 10 * TINY.hiddenSize);
  const definition = llamaModel({ ...TINY, tiedEmbeddings: false });
  const weights = new Map([
    ...tensors,
    ["lm_head.weight", { ...table, data: table.data.map((x) => 1000 * x) }],
    [embedding, damaged],
  ]);
  const odd = new AdaptedModel(makeBaseModel(definition, weights, "damaged"), lora, engine);
  const options = { slots, bound: 1, sequenceMax: 16 };
  const good = { ids: Int32Array.of(1, 5, 3), promptLength: 1, truncated: false };
  const bad = { ids: Int32Array.of(1, 9, 3), promptLength: 1, truncated: false };
  const alone = await clippedGradient(odd, values, [good], options);
  const both = await clippedGradient(odd, values, [bad, good], options);
  await odd.close();
  expect(Number.isFinite(both.norms[0])).toBe(false);
  expect(both.sum).toEqual(alone.sum);
});

test("padding changes no loss: a batch's is the mean over its tokens, whatever share of the positions they are", async () => {
  // Between one and all positions of each row carry loss; some batches fill every loss row but one.
  for (const lengths of [
    [16, 16],
    [16, 15],
    [16, 9],
    [12, 3],
    [9, 9],
  ]) {
    const rows = lengths.map((length, r) => ({
      ids: Int32Array.from({ length: length + 1 }, (_, i) => (5 * i + r) % 11),
      promptLength: 1,
      truncated: false,
    }));
    const gradient = new Float32Array(values.length);
    const lossOf = (batch: typeof rows) =>
      model.lossAndGradient(values, collateParts(batch, 16), slots, gradient);
    const together = await lossOf(rows);
    let total = 0;
    for (const [r, row] of rows.entries()) total += (lengths[r] ?? 0) * (await lossOf([row]));
    const tokens = lengths.reduce((a, b) => a + b, 0);
    expect(together).toBeCloseTo(total / tokens, 4);
  }
});

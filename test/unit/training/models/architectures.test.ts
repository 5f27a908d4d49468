import { afterAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/random.ts";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import { chosenLayers } from "../../../../src/training/adapters/targets.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { DECODERS } from "../../../../src/training/models/architectures/architectures.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { choose, generate } from "../../../../src/training/programs/generation.ts";
import { foldedModel } from "../adapters/folded-model.ts";
import { engine } from "../graph/finite-differences.ts";
import { GOLDENS, goldenModel } from "./golden-architectures.ts";
import { expectGradients, norm, stream } from "./golden-numbers.ts";
import { sequenceLogits } from "./logits.ts";

const distance = (a: Float32Array, b: Float32Array) => norm(a.map((x, i) => x - (b[i] ?? 0)));

/** Continues the beginning of `ids` with a cache, and asks the whole sequence at once for its likeliest ids. */
async function expectSameWithCache(
  model: AdaptedModel,
  adapter: Float32Array,
  ids: readonly number[],
): Promise<void> {
  const prompt = ids.slice(0, 7);
  const options = { maxTokens: 14, temperature: 0, seed: 1 };
  const found = await generate(model, adapter, prompt, options);
  expect(found.length).toBe(14);
  const { vocabSize } = model.base.definition;
  const logits = await sequenceLogits(model, adapter, [...prompt, ...found]);
  const likeliest = found.map((_, i) => {
    const row = (prompt.length - 1 + i) * vocabSize;
    return choose(logits.subarray(row, row + vocabSize), 0, () => 0);
  });
  expect(found).toEqual(likeliest);
}

describe.each(GOLDENS)("%s agrees with Hugging Face transformers", (_, golden) => {
  const { base, model, adapter, lora } = goldenModel(golden);
  afterAll(() => model.close());

  test("in the names and shapes of its weights", () => {
    const { weights, aliases } = base.definition;
    const named = Object.entries(golden.weights).map(([name, shape]) => [
      aliases.get(name) ?? name,
      shape,
    ]);
    expect(Object.fromEntries(weights)).toEqual(Object.fromEntries(named));
  });

  test("and finds layers for the targets that runs have unless told otherwise", () => {
    const modules = chosenLayers(base.definition, ["q", "v"]).map(({ module }) => module);
    expect(modules.length).toBeGreaterThanOrEqual(base.definition.layers);
    expect(modules.every((module) => /attn|attention/.test(module))).toBe(true);
  });

  test("in its logits", async () => {
    const logits = await sequenceLogits(model, adapter, golden.ids);
    const { vocabSize } = base.definition;
    for (const [row, expected] of golden.logits_first5.entries()) {
      const found = logits.subarray(row * vocabSize);
      for (const [i, logit] of expected.entries()) {
        expect(Math.abs((found[i] ?? 0) - logit)).toBeLessThan(1e-4);
      }
    }
    expect(Math.abs(norm(logits) / golden.logits_norm - 1)).toBeLessThan(1e-5);
  });

  test("in its loss and the gradients of LoRA on every linear layer", async () => {
    const { layout } = lora;
    const gradient = new Float32Array(layout.length);
    const example = { ids: Int32Array.from(golden.ids), promptLength: 1, truncated: false };
    const parts = collateParts([example], golden.ids.length);
    const loss = await model.lossAndGradient(adapter, parts, layout.tensors, gradient);
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
    expectGradients(layout, gradient, golden.gradients);
  });

  test("only with every bias and normalisation weight (control)", async () => {
    const whole = await sequenceLogits(model, adapter, golden.ids);
    for (const [name, shape] of base.definition.weights) {
      if (shape.length !== 1) continue;
      const { data } = base.tensor(name);
      const kept = data.slice();
      data.fill(0);
      const logits = await sequenceLogits(model, adapter, golden.ids);
      data.set(kept);
      expect(distance(logits, whole) / golden.logits_norm, name).toBeGreaterThan(1e-3);
    }
  });

  test("and keeps its logits when LoRA is merged into its weights", async () => {
    const merged = new AdaptedModel(foldedModel(base, lora, adapter), lora, engine);
    const logits = await sequenceLogits(merged, lora.initial(1), golden.ids);
    await merged.close();
    const whole = await sequenceLogits(model, adapter, golden.ids);
    expect(distance(logits, whole) / golden.logits_norm).toBeLessThan(1e-5);
  });

  test("and generates with a cache what the whole sequence gives", async () => {
    await expectSameWithCache(model, adapter, golden.ids);
  });
});

/** With a window, a second rotation, a cap, LongRoPE, learned positions: what virtual tokens could get wrong. */
const SHIFTED = GOLDENS.filter(([name]) =>
  ["mistral", "gemma2", "gemma3", "phi3-long", "gpt2"].includes(name),
);

describe.each(SHIFTED)("%s behind virtual tokens", (_, golden) => {
  test("a fresh prompt is the embeddings of tokens, as if these stood before the text", async () => {
    const { base, lora } = goldenModel(golden);
    const prompt = createAdapter(base, { kind: "prompt", virtualTokens: 3 });
    const values = prompt.initial(4);
    const tuned = new AdaptedModel(base, prompt, engine, { copyBytesMax: 0 });
    const found = await sequenceLogits(tuned, values, golden.ids.slice(0, 9));
    await tuned.close();
    const random = seededRandom(4);
    const { vocabSize } = base.definition;
    const tokens = Array.from({ length: 3 }, () => Math.floor(random() * vocabSize));
    const plain = new AdaptedModel(base, lora, engine, { copyBytesMax: 0 });
    const ids = [...tokens, ...golden.ids.slice(0, 9)];
    const whole = await sequenceLogits(plain, lora.initial(1), ids);
    await plain.close();
    expect(distance(found, whole.subarray(3 * vocabSize)) / norm(found)).toBeLessThan(1e-5);
  });

  test.each(["prompt", "prefix"] as const)("of %s tuning generates the same", async (kind) => {
    const { base } = goldenModel(golden);
    const method = createAdapter(base, { kind, virtualTokens: 3 });
    const values = Float32Array.from(stream(kind, method.layout.length));
    const model = new AdaptedModel(base, method, engine);
    await expectSameWithCache(model, values, golden.ids);
    await model.close();
  });
});

test("every decoder has a case", () => {
  const tested = new Set(GOLDENS.flatMap(([, { config }]) => config.architectures));
  for (const { names } of DECODERS) expect(tested).toContain(names[0]);
});

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compare, spread } from "../../../../scripts/speed-comparison.ts";
import { benchGenerate } from "../../../../src/training/bench/generate.ts";
import { modelOfShape } from "../../../../src/training/bench/random-model.ts";
import type { KnownShape } from "../../../../src/training/bench/shapes.ts";
import { benchTrain } from "../../../../src/training/bench/train.ts";
import { sizeOf } from "../../../../src/training/graph/value.ts";
import { inFolder } from "../files/tiny-model.ts";

const BERT_SIZES = {
  ...{ vocab_size: 32, hidden_size: 16, intermediate_size: 24 },
  ...{ num_hidden_layers: 2, num_attention_heads: 4 },
};
const MACHINE = { threads: 1, dtype: "f32" } as const;
const SHAPE = [16, 2, 4, 2, 24, 32] as const;

describe("measuring a random model", () => {
  test("training gives a speed and a loss near the entropy of its vocabulary", async () => {
    const result = await benchTrain({
      shape: SHAPE,
      batch: 2,
      sequence: 8,
      rank: 2,
      targets: ["q", "v"],
      ...MACHINE,
      steps: 3,
    });

    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(result.msFastestStep).toBeLessThanOrEqual(result.msPerStep);
    expect(result.loss).toBeCloseTo(Math.log(32), 0);
  });

  test("generation writes texts of full length, the same ones every time", async () => {
    const options = { shape: SHAPE, prompt: 5, tokens: 12, texts: 2, ...MACHINE };
    const result = await benchGenerate(options);

    expect(result.tokens).toBe(12);
    expect(result.tokensPerSecond).toBeLessThanOrEqual(result.tokensPerSecondBest);
    expect((await benchGenerate(options)).ids).toEqual(result.ids);
  });

  test("takes a config.json of any architecture", async () => {
    await inFolder(async (folder) => {
      const config = join(folder, "config.json");
      const sizes = { vocab_size: 32, n_embd: 16, n_layer: 2, n_head: 4, n_positions: 16 };
      const ids = { bos_token_id: 1, eos_token_id: 1 };
      await writeFile(config, JSON.stringify({ model_type: "gpt2", ...sizes, ...ids }));
      const options = { config, prompt: 5, tokens: 8, texts: 1, ...MACHINE };
      expect((await benchGenerate(options)).tokens).toBe(8);
      await expect(benchGenerate({ ...options, tokens: 12 })).rejects.toThrow(/context of 16/);
      await writeFile(config, JSON.stringify({ model_type: "bert", ...BERT_SIZES }));
      await expect(benchGenerate(options)).rejects.toThrow(/BertModel writes no text/);
    });
  });

  test("knows the sizes of models by name", () => {
    const parameters = (name: KnownShape) =>
      [...modelOfShape(name, 1).weights.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
    expect(parameters("smollm2-135m")).toBe(134_515_008);
    expect(parameters("qwen2.5-0.5b")).toBe(494_032_768);
  });

  test("refuses counts and shapes that cannot be", async () => {
    const options = { shape: SHAPE, prompt: 5, tokens: 0, texts: 2, ...MACHINE };
    await expect(benchGenerate(options)).rejects.toMatchObject({ code: "usage" });
    const odd = { ...options, tokens: 1, shape: [15, 2, 4, 2, 24, 32] as const };
    await expect(benchGenerate(odd)).rejects.toMatchObject({ code: "usage" });
  });
});

describe("comparing programs", () => {
  test("takes ratios of runs that stood side by side", () => {
    const runs = (...speeds: number[]) =>
      speeds.map((tokensPerSecond) => ({ tokensPerSecond, peakRssBytes: tokensPerSecond }));
    const [ours, theirs] = compare(
      new Map([
        ["ours", runs(10, 40, 20)],
        ["theirs", runs(5, 10, 20)],
      ]),
    );

    expect(ours?.tokensPerSecond).toEqual({ median: 20, least: 10, most: 40 });
    expect(ours?.ratio.median).toBe(1);
    expect(theirs?.ratio).toEqual({ median: 2, least: 1, most: 4 });
    expect(theirs?.peakRssBytes).toBe(20);
  });

  test("knows the spread of one number", () => {
    expect(spread([3])).toEqual({ median: 3, least: 3, most: 3 });
  });
});

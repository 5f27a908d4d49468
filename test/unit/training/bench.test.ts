import { describe, expect, test } from "vitest";
import { compare, spread } from "../../../scripts/speed-comparison.ts";
import { benchGenerate } from "../../../src/training/bench/generate.ts";
import { benchTrain } from "../../../src/training/bench/train.ts";

const SHAPE = [16, 2, 4, 2, 24, 32] as const;

describe("measuring a random model", () => {
  test("training gives a speed and a loss near the entropy of its vocabulary", async () => {
    const result = await benchTrain({
      shape: SHAPE,
      batch: 2,
      sequence: 8,
      rank: 2,
      targets: ["q", "v"],
      threads: 1,
      steps: 3,
      dtype: "f32",
    });

    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(result.msFastestStep).toBeLessThanOrEqual(result.msPerStep);
    expect(result.loss).toBeCloseTo(Math.log(32), 0);
  });

  test("generation writes texts of full length, the same ones every time", async () => {
    const options = {
      shape: SHAPE,
      prompt: 5,
      tokens: 12,
      texts: 2,
      threads: 1,
      dtype: "f32" as const,
    };
    const result = await benchGenerate(options);

    expect(result.tokens).toBe(12);
    expect(result.tokensPerSecond).toBeLessThanOrEqual(result.tokensPerSecondBest);
    expect((await benchGenerate(options)).ids).toEqual(result.ids);
  });

  test("refuses counts and shapes that cannot be", async () => {
    const options = {
      shape: SHAPE,
      prompt: 5,
      tokens: 0,
      texts: 2,
      threads: 1,
      dtype: "f32" as const,
    };
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

import { describe, expect, test } from "vitest";
import { benchEngines } from "../../src/training/index.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { writeTinyFolder } from "../unit/training/learner/model-folder.ts";

const options = {
  batch: 2,
  sequence: 8,
  rank: 2,
  targets: ["all"],
  threads: 1,
  dtype: "f32" as const,
  steps: 2,
  seconds: 5,
  limit: 50,
};

async function tinyFolder(): Promise<string> {
  const folder = temporaryFolder();
  await writeTinyFolder(folder);
  return folder;
}

describe("measuring engines on the same batch", () => {
  test("compares each with the CPU, in a process of its own, and says why one is not there", async () => {
    const results = await benchEngines({
      ...options,
      model: await tinyFolder(),
      engines: ["tfjs:gpu", "tfjs:wasm"],
    });
    expect(results.map(({ name }) => name)).toEqual(["onnx:cpu", "tfjs:gpu", "tfjs:wasm"]);
    const [cpu, gpu, wasm] = results;
    expect(cpu).toMatchObject({ available: true, reason: null, gradientError: 0 });
    expect(wasm).toMatchObject({ available: true, reason: null });
    expect(wasm?.loss).toBeCloseTo(cpu?.loss ?? Number.NaN, 4);
    expect(wasm?.gradientError).toBeGreaterThan(0);
    expect(wasm?.gradientError).toBeLessThan(1e-3);
    for (const each of [cpu, wasm]) {
      expect(each?.tokensPerSecond).toBeGreaterThan(0);
      // A process with Node and an engine in it, and not this one with all its tests.
      expect(each?.peakBytes).toBeGreaterThan(50e6);
    }
    expect(gpu?.available).toBe(gpu?.reason === null);
    expect(gpu?.available).toBe(gpu?.loss !== null);
  });

  test("gives up an engine that does not end, and goes nowhere without the CPU", async () => {
    const model = await tinyFolder();
    await expect(
      benchEngines({ ...options, model, engines: [], limit: 0.001 }),
    ).rejects.toMatchObject({
      code: "engine",
      message: "onnx:cpu took longer than 0.001 s",
    });
    await expect(
      benchEngines({ ...options, model: `${model}/none`, engines: [] }),
    ).rejects.toMatchObject({ code: "data" });
  });
});

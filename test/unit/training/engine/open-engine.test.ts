import assert from "node:assert/strict";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import { openEngine } from "../../../../src/training/engine/open-engine.ts";
import { checkTrialStep, KNOWN, trialStep } from "../../../../src/training/engine/trial-step.ts";
import { engine } from "../graph/finite-differences.ts";

/** The CPU's engine, with every output of every program multiplied by `factor`. */
function distorted(factor: number): Engine {
  return {
    ...engine,
    name: "distorted",
    async compile(outputs) {
      const program = await engine.compile(outputs);
      return {
        ...program,
        run: async (feeds) =>
          Object.fromEntries(
            Object.entries(await program.run(feeds)).map(([name, array]) => {
              assert.ok(array instanceof Float32Array);
              return [name, array.map((x) => x * factor)];
            }),
          ),
      };
    },
  };
}

describe("the trial step", () => {
  test("knows its numbers from float64, whose gradients agree with central differences", async () => {
    const { outputs, feeds } = trialStep("f64");
    const program = await engine.compile(outputs);
    const lossAt = async (name: string, i: number, change: number) => {
      const array = Float64Array.from(feeds[name] ?? [], Number);
      array[i] = (array[i] ?? 0) + change;
      const { loss } = await program.run({ ...feeds, [name]: array });
      return Number(loss?.[0]);
    };
    const results = await program.run(feeds);
    for (const [name, known] of Object.entries(KNOWN)) {
      for (const [i, x] of known.entries()) expect(results[name]?.[i]).toBeCloseTo(x, 7);
    }
    const h = 1e-5;
    for (const name of ["a", "b"]) {
      for (const [i, x] of KNOWN[`d ${name}` as "d a"].entries()) {
        const slope = ((await lossAt(name, i, h)) - (await lossAt(name, i, -h))) / (2 * h);
        expect(slope).toBeCloseTo(x, 6);
      }
    }
    await program.close();
  });

  test("is passed by the CPU", async () => {
    await checkTrialStep(engine);
    await checkTrialStep(distorted(1));
  });

  test("is failed by an engine that is off by a percent (control)", async () => {
    await expect(checkTrialStep(distorted(1.01))).rejects.toMatchObject({ code: "engine" });
    await expect(checkTrialStep(distorted(Number.NaN))).rejects.toMatchObject({ code: "engine" });
  });
});

describe("opening an engine", () => {
  test("by name takes that one", async () => {
    const { engine: opened, passedOver } = await openEngine("onnx:cpu", { threads: 1 });
    expect([opened.name, passedOver]).toEqual(["onnx:cpu", []]);
    await opened.close();
  });

  test("automatically takes one that computes right, and says why not those before it", async () => {
    const { engine: opened, passedOver } = await openEngine("auto", { threads: 1 });
    await checkTrialStep(opened);
    const order = ["onnx:cuda", "onnx:webgpu", "onnx:cpu"];
    expect([...passedOver.map(({ name }) => name), opened.name]).toEqual(
      order.slice(0, passedOver.length + 1),
    );
    for (const { reason } of passedOver) expect(reason).not.toBe("");
    await opened.close();
  });
});

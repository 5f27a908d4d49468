import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KlatchError } from "../../src/errors.ts";
import { createLora } from "../../src/training/adapters/methods/lora.ts";
import { collateParts } from "../../src/training/batches/collate.ts";
import type { Engine, Program } from "../../src/training/engine/engine.ts";
import { createOnnxEngine } from "../../src/training/engine/onnx-engine.ts";
import { openEngine } from "../../src/training/engine/open-engine.ts";
import { checkTrialStep } from "../../src/training/engine/trial-step.ts";
import { scale } from "../../src/training/graph/elementwise.ts";
import { type Arrays, Graph } from "../../src/training/graph/value.ts";
import { AdaptedModel } from "../../src/training/programs/adapted-model.ts";
import { type BaseDType, ENGINE_NAMES } from "../../src/types.ts";
import { everyOperation } from "../unit/training/graph/every-operation.ts";
import { numbers } from "../unit/training/graph/finite-differences.ts";
import { tinyModel } from "../unit/training/models/tiny-llama.ts";

/** SwiftShader compiles seven matrix kernels in a second each on an idle machine. */
const SHADERS_MS = 240_000;
const LOSS_TOLERANCE = 1e-4;
const GRADIENT_TOLERANCE = 1e-3;

/** Why an engine cannot be had on this machine; undefined where it can. */
async function whyNot(name: (typeof ENGINE_NAMES)[number]): Promise<string | undefined> {
  try {
    const { engine } = await openEngine(name, { threads: 1 });
    const program = await engine.compile({ y: scale(new Graph().input("x", [1], "f32"), 2) });
    await program.close();
    await engine.close();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

async function computeEveryOperation(engine: Engine): Promise<Arrays> {
  const { outputs, feeds } = everyOperation();
  const program = await engine.compile(outputs);
  const results = await program.run(feeds);
  await program.close();
  return results;
}

/** Loss and gradients of the tiny model's training step, its frozen weights copied into the program or fed. */
async function trainingStep(engine: Engine, copyBytesMax: number, dtype: BaseDType = "f32") {
  const base = tinyModel();
  const method = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
  const { layout } = method;
  const adapter = Float32Array.from(numbers(layout.length, 3));
  const ids = [Int32Array.of(1, 3, 5, 7, 9, 2, 4, 6, 8), Int32Array.of(4, 4, 8, 10)];
  const examples = ids.map((row) => ({ ids: row, promptLength: 1, truncated: false }));
  const model = new AdaptedModel(base, method, engine, { copyBytesMax, dtype });
  const gradient = new Float32Array(layout.length);
  const parts = collateParts(examples, 8);
  const loss = await model.lossAndGradient(adapter, parts, layout.tensors, gradient);
  await model.close();
  return { loss, gradient };
}

/** The greatest difference, relative to the greatest number. */
function difference(a: Iterable<number | bigint>, b: Iterable<number | bigint>): number {
  const [left, right] = [Array.from(a, Number), Array.from(b, Number)];
  expect(left.length).toBe(right.length);
  // engines may let threads take the smallest numbers for zero
  const greatest = Math.max(...right.map(Math.abs)) || 1;
  return Math.max(...left.map((x, i) => Math.abs(x - (right[i] ?? Number.NaN)))) / greatest;
}

const reference = createOnnxEngine({ threads: 1 });

for (const name of ENGINE_NAMES) {
  const reason = await whyNot(name);
  const title = reason === undefined ? name : `${name} (not on this machine: ${reason})`;
  describe.skipIf(reason !== undefined)(title, { timeout: SHADERS_MS }, () => {
    let engine: Engine;
    let held: Program;
    beforeAll(async () => {
      ({ engine } = await openEngine(name, { threads: 1 }));
      // A device is closed with its last program, and its compiled shaders go with it.
      held = await engine.compile({ y: scale(new Graph().input("x", [1], "f32"), 2) });
    });
    afterAll(async () => {
      await held.close();
      await engine.close();
    });

    test("computes every operation as the CPU does", async () => {
      const expected = await computeEveryOperation(reference);
      const found = await computeEveryOperation(engine);
      const off = Object.entries(expected)
        .map(([output, array]) => ({ output, error: difference(found[output] ?? [], array) }))
        .filter(({ error }) => !(error <= LOSS_TOLERANCE));
      expect(off).toEqual([]);
    });

    test("passes the trial step", () => checkTrialStep(engine));

    test.each([
      ["copied into the program", 1 << 20],
      ["fed to it", 0],
    ])("gives the CPU's loss and gradients, weights %s", async (_, copyBytesMax) => {
      const expected = await trainingStep(reference, copyBytesMax);
      const found = await trainingStep(engine, copyBytesMax);
      expect(difference([found.loss], [expected.loss])).toBeLessThan(LOSS_TOLERANCE);
      expect(difference(found.gradient, expected.gradient)).toBeLessThan(GRADIENT_TOLERANCE);
    });

    test.each(["f16", "int8", "int4"] as const)(
      "gives the CPU's loss and gradients with the base as %s, or says that the device cannot",
      async (dtype) => {
        const expected = await trainingStep(reference, 0, dtype);
        const found = await trainingStep(engine, 0, dtype).catch((error: KlatchError) => error);
        if (found instanceof Error) {
          expect(dtype).toBe("f16");
          expect(found.message).toContain("computes with no half floats");
          return;
        }
        expect(difference([found.loss], [expected.loss])).toBeLessThan(LOSS_TOLERANCE);
        expect(difference(found.gradient, expected.gradient)).toBeLessThan(GRADIENT_TOLERANCE);
      },
    );

    test("reads kept arrays as it reads fed ones, whatever program is fed", async () => {
      const x = Float32Array.of(1, 2, 3);
      engine.keep?.([x]);
      for (const factor of [2, 5]) {
        const y = scale(new Graph().input("x", [3], "f32"), factor);
        const program = await engine.compile({ y });
        const { y: found } = await program.run({ x });
        expect(found).toEqual(x.map((each) => each * factor));
        await program.close();
      }
    });

    if (name !== "onnx:webgpu") return;
    test("leaves nothing of a training step to the CPU but the shapes of indices", async () => {
      const folder = mkdtempSync(join(tmpdir(), "klatch-engines-"));
      try {
        const profile = join(folder, "profile");
        const { engine: profiled } = await openEngine(name, { threads: 1, profile });
        await computeEveryOperation(profiled);
        await trainingStep(profiled, 0);
        await trainingStep(profiled, 0, "int4");
        expect(nodesOnCpu(folder)).toEqual([]);
        await profiled.close();
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });
}

interface ProfileEvent {
  readonly cat?: string;
  readonly args?: {
    readonly provider?: string;
    readonly op_name?: string;
    readonly output_type_shape?: readonly Record<string, unknown>[];
  };
}

/** Operators that computed floating-point numbers on the CPU, from ONNX Runtime's profiles. */
function nodesOnCpu(folder: string): readonly (string | undefined)[] {
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  // A session that never ran leaves half a file.
  const events = texts
    .filter((text) => text.includes('"Node"'))
    .flatMap((text) => JSON.parse(text) as readonly ProfileEvent[]);
  const nodes = events.filter(({ cat, args }) => cat === "Node" && args?.provider !== undefined);
  expect(nodes.some(({ args }) => args?.provider === "WebGpuExecutionProvider")).toBe(true);
  return nodes
    .filter(({ args }) => args?.provider === "CPUExecutionProvider")
    .filter(({ args }) => args?.output_type_shape?.some((type) => "float" in type))
    .map(({ args }) => args?.op_name);
}

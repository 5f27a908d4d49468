import { expect, test, vi } from "vitest";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import { collate, collateParts } from "../../../../src/training/batches/collate.ts";
import type { Example } from "../../../../src/training/data/examples/example.ts";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { onnxRuntime } from "../../../../src/training/engine/onnx-runtime.ts";
import { exp, mul, sigmoid } from "../../../../src/training/graph/elementwise.ts";
import { expand, sum } from "../../../../src/training/graph/reduction.ts";
import { Graph } from "../../../../src/training/graph/value.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { tinyModel } from "../models/tiny-llama.ts";

/** An engine that counts what it compiles and what of that is not closed. */
function counted(engine: Engine) {
  const counts = { compiled: 0, open: 0 };
  const compile: Engine["compile"] = async (outputs) => {
    const program = await engine.compile(outputs);
    counts.compiled += 1;
    counts.open += 1;
    const close = () => {
      counts.open -= 1;
      return program.close();
    };
    return { ...program, close };
  };
  return { counts, engine: { ...engine, compile } };
}

function text(length: number): Example {
  return { ids: Int32Array.from({ length }, (_, i) => i % 7), promptLength: 1, truncated: false };
}

test("an evaluation through many shapes leaves the training's programs alone, and keeps few", async () => {
  const { counts, engine } = counted(createOnnxEngine({ threads: 1 }));
  const base = tinyModel();
  const method = createLora(base.definition, { rank: 2, alpha: 4, targets: ["q"] });
  const model = new AdaptedModel(base, method, engine);
  const values = method.initial(1);
  const { length, tensors } = method.layout;
  const train = () =>
    model.lossAndGradient(values, collateParts([text(6)], 8), tensors, new Float32Array(length));
  const evaluate = (rows: number) => model.rowResults(values, collate([text(6)], rows, 8));

  await train();
  for (let rows = 1; rows <= 30; rows += 1) await evaluate(rows);
  expect(counts).toEqual({ compiled: 31, open: 4 });
  await train();
  await evaluate(30);
  await evaluate(28);
  // Those that were used last are kept: a gate comes back to them.
  expect(counts.compiled).toBe(31);
  await evaluate(27);
  expect(counts.compiled).toBe(32);
  await model.close();
  expect(counts.open).toBe(0);
  await engine.close();
});

test.each([
  ["has no arena, whose memory no other program could use", 768 << 10, false],
  ["has one where it takes more (control)", 6 << 20, true],
])("a small program %s", async (_, elements, arena) => {
  const created = vi.spyOn(onnxRuntime.InferenceSession, "create");
  const engine = createOnnxEngine({ threads: 1, arenaBytesMax: 2 ** 40 });
  const graph = new Graph();
  const wide = expand(graph.input("x", [1], "f32"), [elements]);
  const program = await engine.compile({ y: sum(mul(sigmoid(wide), exp(wide)), [0]) });
  // Three values of these elements, as 32-bit floats, are alive at one time: 9 MiB, or 72.
  expect(created.mock.lastCall?.at(-1)).toMatchObject({ enableCpuMemArena: arena });
  await program.close();
  await engine.close();
  created.mockRestore();
});

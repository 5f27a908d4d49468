import * as Core from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { KlatchError } from "../../../src/errors.ts";
import { AdaptedModel } from "../../../src/training/adapted-model.ts";
import { createLora } from "../../../src/training/adapters/lora.ts";
import { collateParts } from "../../../src/training/batches.ts";
import type { Arrays, Engine } from "../../../src/training/engine/engine.ts";
import { KERNELS } from "../../../src/training/engine/tfjs/kernels.ts";
import {
  createTfjsEngine,
  type TfjsBackend,
} from "../../../src/training/engine/tfjs/tfjs-engine.ts";
import { exp, greaterOrEqual, scale, sub } from "../../../src/training/graph/elementwise.ts";
import { gradients, topologicalOrder } from "../../../src/training/graph/gradient.ts";
import { gatherRows } from "../../../src/training/graph/indexing.ts";
import { matmul } from "../../../src/training/graph/matmul.ts";
import { max } from "../../../src/training/graph/reduction.ts";
import { Graph, sizeOf, type Value } from "../../../src/training/graph/value.ts";
import { type Case, numbers, engine as onnx } from "./finite-differences.ts";
import { BLOCKS, OPERATIONS, one, QUANTIZED, two, weightedSum } from "./operator-cases.ts";
import { TINY, tinyModel } from "./tiny-llama.ts";

const WITHOUT_GRADIENT: Readonly<Record<string, Case>> = {
  max: one([2, 3, 2], (x) => max(x, [0, 2])),
  "greaterOrEqual, of equals too": two([2, 3], [2, 3], (a, b) => greaterOrEqual(sub(a, b), b)),
  "a product of one row in four dimensions": two([2, 2, 1, 3], [2, 2, 5, 3], (a, b) =>
    matmul(a, b, { transposeB: true, alpha: 0.25 }),
  ),
};

/** A case in float32: its value and, where it has them, gradients as outputs, and numbers to feed. */
function single(test: Case, differentiable: boolean) {
  const graph = new Graph();
  const inputs: Record<string, Value> = {};
  const feeds: Record<string, Arrays[string]> = { ...test.feeds };
  for (const [i, [name, shape]] of Object.entries(test.shapes).entries()) {
    inputs[name] = graph.input(name, shape, "f32");
    const elements = numbers(sizeOf(shape), i + 1).map(test.domain ?? ((x) => x));
    feeds[name] = Float32Array.from(elements);
  }
  const value = test.build(graph, inputs);
  const outputs: Record<string, Value> = { value };
  if (differentiable) {
    const found = gradients(weightedSum(value), Object.values(inputs));
    for (const [i, name] of Object.keys(inputs).entries()) outputs[`d ${name}`] = found[i] as Value;
  }
  return { outputs, feeds };
}

const CASES = [
  ...Object.entries({ ...OPERATIONS, ...BLOCKS, ...QUANTIZED }).map(([name, each]) => ({
    name,
    each,
    differentiable: true,
  })),
  ...Object.entries(WITHOUT_GRADIENT).map(([name, each]) => ({
    name,
    each,
    differentiable: false,
  })),
];

async function evaluate(engine: Engine, outputs: Record<string, Value>, feeds: Arrays) {
  const program = await engine.compile(outputs);
  const results = await program.run(feeds);
  await program.close();
  return results;
}

/** The greatest difference, relative to the greatest element expected. */
function difference(found: Arrays[string] | undefined, expected: Arrays[string]): number {
  expect(found?.constructor).toBe(expected.constructor);
  expect(found?.length).toBe(expected.length);
  const wanted = Array.from<number | bigint>(expected).map(Number);
  const greatest = Math.max(...wanted.map(Math.abs));
  return Math.max(...wanted.map((x, i) => Math.abs(x - Number(found?.[i])))) / (greatest || 1);
}

const BACKENDS = ["cpu", "wasm", "node", "gpu"] as const;

/** Engines of this installation, and why it lacks the others. */
const engines = new Map<TfjsBackend, Engine>();
const refusals = new Map<TfjsBackend, unknown>();
for (const backend of BACKENDS) {
  await createTfjsEngine(backend, { threads: 1 }).then(
    (engine) => engines.set(backend, engine),
    (error: unknown) => refusals.set(backend, error),
  );
}

function tensors(): number {
  return Core.memory().numTensors;
}

test("the cases cover every operation", () => {
  const values = CASES.flatMap(({ each, differentiable }) =>
    topologicalOrder(Object.values(single(each, differentiable).outputs)),
  );
  const covered = new Set<string>(values.map(({ op }) => op));
  expect(Object.keys(KERNELS).filter((op) => !covered.has(op))).toEqual([]);
});

test("cpu and wasm are installed for these tests", () => {
  expect([...engines.keys()]).toEqual(expect.arrayContaining(["cpu", "wasm"]));
});

describe.each([...engines])("tfjs:%s", (_backend, engine) => {
  describe("computes what ONNX Runtime does", () => {
    test.each(CASES)("for $name", async ({ each, differentiable }) => {
      const { outputs, feeds } = single(each, differentiable);
      const expected = await evaluate(onnx, outputs, feeds);
      const found = await evaluate(engine, outputs, feeds);
      for (const [name, array] of Object.entries(expected)) {
        expect(difference(found[name], array)).toBeLessThan(1e-5);
      }
    });

    test("but not from other numbers (control)", async () => {
      const { outputs, feeds } = single(
        one([3], (x) => scale(x, 2)),
        false,
      );
      const { value: expected } = await evaluate(onnx, outputs, feeds);
      const { value } = await evaluate(engine, outputs, { x: Float32Array.of(1, 2, 3) });
      expect(difference(value, expected as Float32Array)).toBeGreaterThan(1e-3);
    });

    test.each([
      { name: "copied into the program", copyBytesMax: 1 << 20 },
      { name: "fed", copyBytesMax: 0 },
    ])(
      "for a training step and an evaluation of a Llama whose weights are $name",
      async (options) => {
        const before = tensors();
        const expected = await trainingStep(onnx, options);
        const found = await trainingStep(engine, options);
        expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-4);
        expect(difference(found.gradient, expected.gradient)).toBeLessThan(1e-3);
        expect(difference(found.losses, expected.losses)).toBeLessThan(1e-4);
        expect(found.correct).toEqual(expected.correct);
        expect(tensors()).toBe(before);
      },
    );
  });

  describe("keeps to its engine's contract", () => {
    test("holds a program's constants and nothing else between runs", async () => {
      const graph = new Graph();
      const x = graph.input("x", [2, 2], "f32");
      const constant = graph.constant(Float32Array.of(1, 2, 3, 4), [2, 2], "f32", "weight");
      // The doubled weight is computed once; the weight itself is then needed no more.
      const y = matmul(x, scale(constant, 2));
      const before = tensors();
      const program = await engine.compile({ y, constant: scale(constant, 2) });
      const held = tensors();
      expect(held - before).toBe(1);
      for (let i = 0; i < 3; i += 1) {
        const { y: found } = await program.run({ x: Float32Array.of(1, 0, 0, 1) });
        expect([...(found ?? [])]).toEqual([2, 4, 6, 8]);
        expect(tensors()).toBe(held);
      }
      await program.close();
      expect(tensors()).toBe(before);
    });

    test("frees what it made when a run fails", async () => {
      const graph = new Graph();
      const table = graph.input("table", [2, 2], "f32");
      const indices = graph.input("indices", [1], "i64");
      const program = await engine.compile({ y: gatherRows(exp(table), indices) });
      const before = tensors();
      const feeds = { table: new Float32Array(4), indices: BigInt64Array.of(2n ** 40n) };
      await expect(program.run(feeds)).rejects.toThrow("32 bits");
      expect(tensors()).toBe(before);
      await program.close();
    });

    test("writes outputs where it is told to, and never hands out what it was fed", async () => {
      const graph = new Graph();
      const x = graph.input("x", [3], "f32");
      const ids = graph.input("ids", [2], "i64");
      const program = await engine.compile({ y: scale(x, 2), z: x, ids });
      const whole = new Float32Array(5);
      const fed = { x: Float32Array.of(1, 2, 3), ids: BigInt64Array.of(-1n, 7n) };
      const { z, ids: same } = await program.run(fed, { y: whole.subarray(1, 4) });
      fed.x.fill(0);
      expect([...whole]).toEqual([0, 2, 4, 6, 0]);
      expect(z).toEqual(Float32Array.of(1, 2, 3));
      expect(same).toEqual(fed.ids);
      await program.close();
    });

    test("lets the thread's events through before each run", async () => {
      const graph = new Graph();
      const program = await engine.compile({ y: scale(graph.input("x", [1], "f32"), 2) });
      let events = 0;
      for (let i = 0; i < 2; i += 1) {
        setImmediate(() => {
          events += 1;
        });
        await program.run({ x: Float32Array.of(1) });
        expect(events).toBe(i + 1);
      }
      await program.close();
    });

    test("refuses float64", async () => {
      const x = new Graph().input("x", [2], "f64");
      const refused = engine.compile({ y: scale(x, 2) });
      await expect(refused).rejects.toMatchObject({ code: "engine", name: "KlatchError" });
    });
  });
});

describe.each([...refusals])("tfjs:%s, whose package is missing,", (_backend, refusal) => {
  test("says what to install", () => {
    expect(refusal).toBeInstanceOf(KlatchError);
    expect(refusal).toMatchObject({
      code: "engine",
      message: expect.stringContaining("not installed"),
      hint: expect.stringContaining("npm install @tensorflow/tfjs-"),
    });
  });

  test.skip("computes what ONNX Runtime does", () => {});
});

test("engines of one process take turns", async () => {
  const graph = new Graph();
  const y = scale(graph.input("x", [1], "f32"), 2);
  const programs = await Promise.all([...engines.values()].map((each) => each.compile({ y })));
  const results = await Promise.all(
    programs.map((program, i) => program.run({ x: Float32Array.of(i) })),
  );
  expect(results.map((each) => [...Object.values(each)])).toEqual(
    programs.map((_, i) => [Float32Array.of(2 * i)]),
  );
  for (const program of programs) await program.close();
});

test("wasm memory that is used up is an error, not a wrong result", async () => {
  const graph = new Graph();
  const size = 1 << 20;
  const program = await (engines.get("wasm") as Engine).compile({
    y: scale(graph.input("x", [size], "f32"), 2),
  });
  await Core.setBackend("wasm");
  const { wasm } = Core.backend() as unknown as { wasm: WasmHeap };
  // Reserved, never touched: this takes addresses, not memory.
  const blocks: number[] = [];
  for (const bytes of [1 << 30, 1 << 26, 1 << 22]) {
    try {
      for (;;) blocks.push(wasm._malloc(bytes));
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }
  await expect(program.run({ x: new Float32Array(size) })).rejects.toMatchObject({
    code: "memory",
  });
  for (const block of blocks) wasm._free(block);
  const { y } = await program.run({ x: new Float32Array(size).fill(1) });
  expect(y?.[size - 1]).toBe(2);
  await program.close();
});

interface WasmHeap {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Loss, gradients and evaluation of a batch of two rows with every linear layer adapted. */
async function trainingStep(engine: Engine, options: { readonly copyBytesMax: number }) {
  const base = tinyModel();
  const lora = createLora(base.definition, { rank: 2, alpha: 3, targets: ["all"] });
  const { layout } = lora;
  const model = new AdaptedModel(base, lora, engine, options);
  const adapter = Float32Array.from(numbers(layout.length, 3));
  const examples = [
    [1, 4, 4, 1, 9],
    [1, 9, 0],
  ].map((ids) => ({
    ids: Int32Array.from(ids),
    promptLength: 1,
    truncated: false,
  }));
  const parts = collateParts(examples, TINY.contextMax);
  const gradient = new Float32Array(layout.length);
  const loss = await model.lossAndGradient(adapter, parts, layout.tensors, gradient);
  const [part] = parts;
  if (part === undefined) throw new Error("a batch");
  const rows = await model.rowResults(adapter, part);
  await model.close();
  return { loss, gradient, ...rows };
}

import { describe, expect, test } from "vitest";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import { KERNELS } from "../../../../src/training/engine/tfjs/kernels.ts";
import { greaterOrEqual, scale, sub } from "../../../../src/training/graph/elementwise.ts";
import { gradients, topologicalOrder } from "../../../../src/training/graph/gradient.ts";
import { linear, matmul } from "../../../../src/training/graph/matmul.ts";
import { slice } from "../../../../src/training/graph/movement.ts";
import { max } from "../../../../src/training/graph/reduction.ts";
import { type Arrays, Graph, sizeOf, type Value } from "../../../../src/training/graph/value.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { type Case, numbers, engine as onnx } from "../graph/finite-differences.ts";
import { BLOCKS, OPERATIONS, one, PACKED, two, weightedSum } from "../graph/operator-cases.ts";
import { TINY, tinyModel } from "../models/tiny-llama.ts";
import { engines, refusals, tensors } from "./tfjs-backends.ts";

const MORE: Readonly<Record<string, Case>> = {
  // Large enough for what is done with products in wasm, whose kernels are fast for some only.
  "large products": two([2, 40, 48], [2, 48, 40], matmul),
  "large products with both transposed": two([2, 48, 40], [2, 40, 48], (a, b) =>
    matmul(a, b, { transposeA: true, transposeB: true, alpha: 0.25 }),
  ),
  "a large product with transposed right": two([40, 48], [40, 48], linear),
  "slices of an inner dimension in blocks": one([2, 6, 3], (x) => slice(x, 1, 2, 4)),
  "slices of the first dimension": one([5, 3], (x) => slice(x, 0, 1, 3)),
};

const WITHOUT_GRADIENT: Readonly<Record<string, Case>> = {
  max: one([2, 3, 2], (x) => max(x, [0, 2])),
  "greaterOrEqual, of equals too": two([2, 3], [2, 3], (a, b) => greaterOrEqual(sub(a, b), b)),
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
  ...Object.entries({ ...OPERATIONS, ...BLOCKS, ...PACKED, ...MORE }).map(([name, each]) => ({
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

test("the cases cover every operation", () => {
  const values = CASES.flatMap(({ each, differentiable }) =>
    topologicalOrder(Object.values(single(each, differentiable).outputs)),
  );
  const covered = new Set<string>(values.map(({ op }) => op));
  expect(Object.keys(KERNELS).filter((op) => !covered.has(op))).toEqual([]);
});

describe.each([...engines])("tfjs:%s computes what ONNX Runtime does", (_backend, engine) => {
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
      // Where weights are kept on the device, they are until the engine is closed.
      await engine.close();
      expect(tensors()).toBe(before);
    },
  );
});

test.skip.each([...refusals].map(([backend, error]) => [backend, error.message]))(
  "tfjs:%s computes what ONNX Runtime does (not on this machine: %s)",
  () => {},
);

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

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Adapter } from "../../../../src/training/adapters/adapter.ts";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import type { BaseModel } from "../../../../src/training/base/base-model.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { modelOfShape, randomModel } from "../../../../src/training/bench/random-model.ts";
import { randomExamples } from "../../../../src/training/bench/workload.ts";
import type { AnyExample } from "../../../../src/training/data/examples/example.ts";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { createTfjsEngine } from "../../../../src/training/engine/tfjs/tfjs-engine.ts";
import { exp, mul } from "../../../../src/training/graph/elementwise.ts";
import { matmul } from "../../../../src/training/graph/matmul.ts";
import { graphMemory } from "../../../../src/training/graph/memory.ts";
import { reshape } from "../../../../src/training/graph/movement.ts";
import { recomputedGradients } from "../../../../src/training/graph/recompute.ts";
import { sum } from "../../../../src/training/graph/reduction.ts";
import { softmax } from "../../../../src/training/graph/softmax.ts";
import { Graph, type Value } from "../../../../src/training/graph/value.ts";
import { planTraining } from "../../../../src/training/loop/training-memory.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { ADAPTER_KINDS, type RecomputeChoice } from "../../../../src/types.ts";
import { BIASED, FACTORS, SETTINGS } from "../adapters/small-settings.ts";
import { GOLDENS, goldenModel } from "../models/golden-architectures.ts";
import { CLASSIFIERS, classifierModel, goldenBase } from "../models/golden-classifiers.ts";
import { tinyModel } from "../models/tiny-llama.ts";

interface Found {
  readonly loss: number;
  readonly gradient: Float32Array;
}

/** Loss and gradient of one batch, kept and recomputed. */
async function bothWays(
  model: AdaptedModel,
  values: Float32Array,
  examples: readonly AnyExample[],
): Promise<readonly [Found, Found]> {
  const parts = collateParts(examples, 64);
  const found = async (recompute: boolean) => {
    const gradient = new Float32Array(values.length);
    const { tensors } = model.adapter.layout;
    const loss = await model.lossAndGradient(values, parts, tensors, gradient, recompute);
    return { loss, gradient };
  };
  const both = [await found(false), await found(true)] as const;
  await model.close();
  return both;
}

function expectSame([kept, again]: readonly [Found, Found]): void {
  expect(Math.hypot(...kept.gradient)).toBeGreaterThan(0);
  expect(again.loss).toBe(kept.loss);
  expect(again.gradient).toEqual(kept.gradient);
}

function expectNear([kept, again]: readonly [Found, Found]): void {
  expect(Math.abs(again.loss / kept.loss - 1)).toBeLessThan(1e-6);
  const apart = again.gradient.map((g, i) => g - (kept.gradient[i] ?? Number.NaN));
  expect(Math.hypot(...apart)).toBeLessThan(1e-6 * Math.hypot(...kept.gradient));
}

/**
 * ONNX Runtime makes one operation of a GELU, or of a layer normalisation with what follows, where the backward pass
 * needs no part of it: the forward pass of these then rounds in another way.
 */
const expectAlike = (name: string) => (/gemma|bert/.test(name) ? expectNear : expectSame);

const example = (ids: readonly number[]) => ({
  ids: Int32Array.from(ids),
  promptLength: 1,
  truncated: false,
});
const TEXTS = [
  [1, 4, 9, 3, 10, 0, 7, 2],
  [1, 5, 5, 2],
].map(example);
const cpu = createOnnxEngine({ threads: 1 });

/** An adapter away from its start, where half of the gradients are zero. */
const moved = (method: Adapter) => method.initial(1).map((x, i) => x + 0.1 * Math.sin(3 * (i + 1)));

describe("recomputed blocks give the same loss and gradients", () => {
  test.each(GOLDENS)("of %s", async (name, golden) => {
    const { model, adapter } = goldenModel(golden);
    expectAlike(name)(await bothWays(model, adapter, [example(golden.ids)]));
  });

  test.each(CLASSIFIERS)("of the encoder %s", async (name, golden) => {
    const { model, adapter, examples } = classifierModel(golden, goldenBase(golden.config));
    expectAlike(name)(await bothWays(model, adapter, examples));
  });

  test.each(ADAPTER_KINDS)("of an adapter of the kind %s", async (kind) => {
    const base = tinyModel(BIASED);
    const method = createAdapter(base, SETTINGS[kind]);
    const model = new AdaptedModel(base, method, cpu);
    expectSame(await bothWays(model, moved(method), TEXTS));
  });

  test.each(["f16", "int8", "int4"] as const)("of a base in %s", async (dtype) => {
    const { base, method } = withLora(tinyModel());
    const model = new AdaptedModel(base, method, cpu, { dtype });
    expectSame(await bothWays(model, moved(method), TEXTS));
  });

  test("of adapters in the last block alone", async () => {
    const base = tinyModel();
    const targets = ["model.layers.1.mlp.up_proj"];
    const method = createAdapter(base, { kind: "lora", ...FACTORS, targets });
    expectSame(await bothWays(new AdaptedModel(base, method, cpu), moved(method), TEXTS));
  });
});

test("TensorFlow.js computes the same program", async () => {
  const { base, method } = withLora(tinyModel());
  const engine = await createTfjsEngine("cpu", { threads: 1 });
  const model = new AdaptedModel(base, method, engine);
  const [kept, again] = await bothWays(model, moved(method), TEXTS);
  expect(again.loss).toBeCloseTo(kept.loss, 6);
  for (const [i, g] of kept.gradient.entries()) expect(again.gradient[i]).toBeCloseTo(g, 6);
  await engine.close();
});

describe("the memory of a recomputed program", () => {
  const planned = (layers: number, recompute: boolean) => {
    const { base, method } = withLora(randomModel(modelOfShape([32, layers, 4, 2, 96, 40], 64)));
    const model = new AdaptedModel(base, method, cpu);
    const [part] = collateParts(randomExamples(base.definition, 4, 64), 64);
    if (part === undefined) throw new Error("no part");
    return model.trainingMemory(part.shape, { slots: method.layout.tensors, recompute });
  };

  test("is a fraction of the other's, and what a block adds is a fraction of a block", () => {
    const [few, many] = [planned(8, true), planned(16, true)];
    const [fewKept, manyKept] = [planned(8, false), planned(16, false)];
    expect(few.activations).toBeLessThan(0.35 * fewKept.activations);
    const [added, addedKept] = [many, manyKept].map(
      ({ activations }, i) => activations - ([few, fewKept][i]?.activations ?? 0),
    );
    expect(added).toBeLessThan(0.15 * (addedKept ?? 0));
  });

  test("decides for whom it is left to: kept where that fits, recomputed where only that does", () => {
    const { base, method } = withLora(randomModel(modelOfShape([32, 8, 4, 2, 96, 40], 64)));
    const model = new AdaptedModel(base, method, cpu);
    const batch = { size: 4, longest: 64, threads: 1, rowsMax: 4 };
    const plan = (available: number | null, choice: RecomputeChoice) =>
      planTraining(model, batch, available, choice);
    const [kept, again] = [plan(null, "off"), plan(null, "on")];
    expect(again.total).toBeLessThan(kept.total);
    expect([kept, again].map(({ recompute }) => recompute)).toEqual([false, true]);
    expect(plan(null, "auto")).toEqual(kept);
    expect(plan(kept.total, "auto")).toMatchObject({ recompute: false, rowsThatFit: 4 });
    expect(plan(kept.total - 1, "auto")).toMatchObject({ recompute: true, rowsThatFit: 4 });
    expect(plan(kept.total - 1, "off")).toMatchObject({ recompute: false, rowsThatFit: 2 });
    expect(plan(again.total - 1, "auto")).toMatchObject({ recompute: true, rowsThatFit: 2 });
    const fewer = planTraining(model, { ...batch, rowsMax: 1 }, null, "off");
    expect(fewer).toMatchObject({ rows: 1, recompute: false });
    expect(fewer.total).toBeLessThan(kept.total);
  });

  test("stays so in whatever order an engine asks for the outputs", () => {
    const blocks = 6;
    const { loss, factors } = tower(blocks);
    const names = factors.map((_, i) => `gradient ${i}`);
    const found = recomputedGradients(loss, factors);
    const activations = (order: readonly number[]) =>
      graphMemory(
        Object.fromEntries(order.flatMap((i) => (found[i] ? [[names[i], found[i]]] : []))),
      ).activations;
    const all = factors.map((_, i) => i);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: blocks }), (order) => {
        // Outputs themselves are as large as anything here: some slack for those that are there earlier or later.
        expect(activations(order)).toBeLessThan(1.2 * activations(all));
      }),
    );
  });
});

function withLora(base: BaseModel) {
  const method = createAdapter(base, { kind: "lora", ...FACTORS });
  return { base, method };
}

/** Blocks with a trained factor each and much to keep between one and the next. */
function tower(blocks: number): { readonly loss: Value; readonly factors: readonly Value[] } {
  const graph = new Graph();
  let x = graph.input("x", [32, 16], "f32");
  const factors = Array.from({ length: blocks }, (_, i) =>
    graph.input(`factor ${i}`, [1, 16], "f32"),
  );
  for (const factor of factors) {
    graph.startSegment(x);
    const wide = softmax(matmul(x, mul(x, factor), { transposeB: true }));
    x = matmul(exp(softmax(exp(wide))), x);
  }
  graph.startSegment(x);
  return { loss: reshape(sum(x, [0, 1]), []), factors };
}

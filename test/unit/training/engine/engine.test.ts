import { describe, expect, test } from "vitest";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import { freeze } from "../../../../src/training/base/frozen-weights.ts";
import type { Program } from "../../../../src/training/engine/engine.ts";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { ProgramCache } from "../../../../src/training/engine/program-cache.ts";
import { add, exp, mul, scale, sigmoid } from "../../../../src/training/graph/elementwise.ts";
import { gradients } from "../../../../src/training/graph/gradient.ts";
import { matmul } from "../../../../src/training/graph/matmul.ts";
import { reshape } from "../../../../src/training/graph/movement.ts";
import { expand, sum } from "../../../../src/training/graph/reduction.ts";
import { type DType, floats, Graph, type Value } from "../../../../src/training/graph/value.ts";
import { rmsNorm } from "../../../../src/training/layers/normalisation.ts";
import { makeBlocks } from "../../../../src/training/models/make-blocks.ts";
import type { Sequences } from "../../../../src/training/models/sequences/sequences.ts";
import { lower } from "../../../../src/training/onnx/lower.ts";
import { Message } from "../../../../src/training/onnx/protobuf.ts";
import { WEBGPU_LOWERINGS } from "../../../../src/training/onnx/webgpu-operators.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { batchLoss, trainingOutputs } from "../../../../src/training/programs/loss-program.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { sequenceLogits } from "../models/logits.ts";
import { tinyModel } from "../models/tiny-llama.ts";

describe("a graph", () => {
  test("holds what is computed twice once", () => {
    const graph = new Graph();
    const x = graph.input("x", [2], "f32");
    expect(add(x, x)).toBe(add(x, x));
    const y = mul(sigmoid(x), sigmoid(x));
    expect(lower({ y }).nodes.map((node) => node.type)).toEqual(["Sigmoid", "Mul"]);
  });

  test("lowers nothing that no output needs", () => {
    const graph = new Graph();
    const x = graph.input("x", [2], "f32");
    sigmoid(scale(x, 3));
    expect(lower({ y: add(x, x) }).nodes.length).toBe(1);
    expect(lower({ y: add(x, x) }).initializers.length).toBe(0);
  });

  test("has one kernel for a normalisation and for what its gradient needs of it", () => {
    const graph = new Graph();
    const x = graph.input("x", [2, 4], "f32");
    const weight = graph.input("weight", [4], "f32");
    const loss = reshape(sum(mul(rmsNorm(x, weight, 1e-5), x), [0, 1]), []);
    const [dx, dw] = gradients(loss, [x, weight]) as [Value, Value];
    const types = lower({ loss, dx, dw }).nodes.map(({ type }) => type);
    expect(types.filter((type) => type === "SimplifiedLayerNormalization").length).toBe(1);
    expect(types).not.toContain("Reciprocal");
    expect(lower({ dx }, WEBGPU_LOWERINGS).nodes.map(({ type }) => type)).toContain("Reciprocal");
  });

  test("gives no gradient work to what is not asked for", () => {
    const graph = new Graph();
    const frozen = graph.input("frozen", [2, 2], "f32");
    const trained = graph.input("trained", [2, 2], "f32");
    const x = graph.input("x", [1, 2], "f32");
    const y = matmul(matmul(x, frozen), trained);
    const loss = reshape(matmul(y, y, { transposeB: true }), []);
    const [gradient] = gradients(loss, [trained]);
    // x frozen, that times trained, two for y from y y^T, one for trained: none for frozen or x.
    const products = lower({ g: gradient as Value }).nodes.filter((n) => n.type === "Gemm");
    expect(products.length).toBe(5);
  });
});

describe("the engine", () => {
  test("writes outputs where it is told to", async () => {
    const graph = new Graph();
    const x = graph.input("x", [3], "f32");
    const program = await engine.compile({ y: scale(x, 2), z: x });
    const whole = new Float32Array(5);
    const { z } = await program.run({ x: Float32Array.of(1, 2, 3) }, { y: whole.subarray(1, 4) });
    expect([...whole]).toEqual([0, 2, 4, 6, 0]);
    expect(z).toEqual(Float32Array.of(1, 2, 3));
    await program.close();
  });

  test("says so when a graph cannot run", async () => {
    const graph = new Graph();
    const x = graph.value({
      op: "log",
      inputs: [graph.input("x", [2], "i64")],
      shape: [2],
      dtype: "i64",
    });
    await expect(engine.compile({ x })).rejects.toMatchObject({ code: "engine" });
  });

  test.each([
    ["gives back what a run took beyond its share: programs of many shapes do not add up", 120],
    ["lets all programs keep what a run took where there is room (control)", 5000],
  ])("%s", async (_, arenaMegabytes) => {
    const own = createOnnxEngine({ threads: 1, arenaBytesMax: arenaMegabytes * 2 ** 20 });
    const megabytes = () => process.memoryUsage.rss() / 2 ** 20;
    const elements = 9 << 20;
    const programs: Program[] = [];
    const before = megabytes();
    for (let i = 0; i < 5; i += 1) {
      const graph = new Graph();
      const wide = expand(graph.input("x", [1], "f32"), [elements + i]);
      const program = await own.compile({ y: sum(mul(sigmoid(wide), exp(wide)), [0]) });
      programs.push(program);
      await program.run({ x: Float32Array.of(0) });
    }
    // Each run takes three times 36 MiB; kept by five programs they are 540.
    const grown = megabytes() - before;
    for (const program of programs) await program.close();
    await own.close();
    if (arenaMegabytes < 540) expect(grown).toBeLessThan(250);
    else expect(grown).toBeGreaterThan(400);
  });

  test("computes a whole model in float32 as in float64, fused operators and all", async () => {
    const shape = { batch: 2, length: 4, lossRows: 8, everyPosition: true };
    const lossAndGradients = async (dtype: DType) => {
      const graph = new Graph();
      const model = tinyModel();
      const { definition } = model;
      const names = [...definition.weights.keys()];
      const inputs = new Map(
        names.map((name) => [name, graph.input(name, model.tensor(name).shape, dtype)]),
      );
      const weight = (_: Graph, name: string) => inputs.get(name) as Value;
      const blocks = (sequences: Sequences) => makeBlocks(graph, definition, { weight }, sequences);
      const { loss } = batchLoss(definition, { graph, blocks }, shape);
      const program = await engine.compile(trainingOutputs(loss, inputs));
      const feeds = Object.fromEntries(names.map((n) => [n, floats(dtype, model.tensor(n).data)]));
      const ids = BigInt64Array.of(1n, 3n, 5n, 7n, 1n, 9n, 0n, 2n);
      const weights = floats(dtype, new Array(8).fill(1 / 8));
      const results = await program.run({ ...feeds, ids, targets: ids, weights });
      await program.close();
      return Object.values(results).flatMap((array) => Array.from(array, Number));
    };
    const single = await lossAndGradients("f32");
    const double = await lossAndGradients("f64");
    const size = Math.hypot(...double);
    const difference = Math.hypot(...single.map((x, i) => x - (double[i] ?? 0)));
    expect(difference / size).toBeLessThan(1e-5);
  });
});

describe("the program cache", () => {
  test("compiles each key once, and forgets the one unused for longest", async () => {
    const cache = new ProgramCache(engine, 2);
    let built = 0;
    const get = (key: string) =>
      cache.get(key, () => {
        built += 1;
        return { y: new Graph().input("x", [1], "f32") };
      });
    const a = await get("a");
    await get("b");
    expect(await get("a")).toBe(a);
    await get("c");
    expect([built, cache.size]).toEqual([3, 2]);
    expect(await get("a")).toBe(a);
    await get("b");
    expect(built).toBe(4);
    await cache.close();
    expect(cache.size).toBe(0);
  });
});

describe("protocol buffers", () => {
  test("are written as the specification's examples", () => {
    // From protobuf.dev/programming-guides/encoding: field 1 = 150, field 2 = "testing", field 3 = { field 1 = 150 }.
    const inner = new Message().integer(1, 150);
    const bytes = new Message().integer(1, 150).text(2, "testing").message(3, inner).encode();
    expect(Buffer.from(bytes).toString("hex")).toBe("089601120774657374696e671a03089601");
  });

  test("write negative integers as ten bytes and floats little-endian", () => {
    expect(Buffer.from(new Message().integer(1, -2).encode()).toString("hex")).toBe(
      "08feffffffffffffffff01",
    );
    expect(Buffer.from(new Message().float(2, 1).encode()).toString("hex")).toBe("150000803f");
  });
});

describe("frozen weights", () => {
  test("give the same numbers copied into a program or fed to it", async () => {
    const base = tinyModel();
    const lora = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
    const adapter = Float32Array.from(numbers(lora.layout.length, 3));
    const logits = async (copyBytesMax: number) => {
      const model = new AdaptedModel(base, lora, engine, { copyBytesMax });
      const found = await sequenceLogits(model, adapter, [1, 5, 9, 2]);
      await model.close();
      return found;
    };
    const [copied, fed] = [await logits(1 << 20), await logits(0)];
    for (const [i, x] of copied.entries()) expect(fed[i]).toBeCloseTo(x, 4);
  });

  test("of big models are fed, and big copies allow fewer programs", () => {
    const base = tinyModel();
    expect(Object.keys(freeze(base).feeds)).toEqual([]);
    expect(freeze(base).programsMax).toBe(24);
    expect(Object.keys(freeze(base, { copyBytesMax: 0 }).feeds)).toEqual([
      ...base.definition.weights.keys(),
    ]);
    // 32 million parameters are 122 MiB, packed twice 244 MiB: eight of them in 2 GiB.
    expect(freeze({ ...base, parameters: 32e6 }).programsMax).toBe(8);
  });
});

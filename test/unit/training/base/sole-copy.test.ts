import { describe, expect, test } from "vitest";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import type { BatchShape } from "../../../../src/training/batches/batch.ts";
import { collate } from "../../../../src/training/batches/collate.ts";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import { withFallback } from "../../../../src/training/engine/fallback-engine.ts";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { gatherRows } from "../../../../src/training/graph/indexing.ts";
import { linear } from "../../../../src/training/graph/matmul.ts";
import { graphMemory } from "../../../../src/training/graph/memory.ts";
import { Graph, type Value } from "../../../../src/training/graph/value.ts";
import { planTraining } from "../../../../src/training/loop/training-memory.ts";
import { lower } from "../../../../src/training/onnx/lower.ts";
import { encodeModel } from "../../../../src/training/onnx/model-proto.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { tinyModel } from "../models/tiny-llama.ts";

const base = tinyModel();
const lora = createLora(base.definition, { rank: 2, alpha: 4, targets: ["q", "v"] });
const adapter = Float32Array.from(numbers(lora.layout.length, 3));
const SOLE = { copyBytesMax: 0, soleCopyBytesMax: 1 << 20 };
const KIND = { slots: lora.layout.tensors, recompute: false };
const HEAD = 4 * 11 * 8;
/** Every matrix of the blocks. */
const BLOCKS = 4 * 2 * 8 * (8 + 4 + 4 + 8 + 3 * 6);
/** Twice, for forward and backward, but for the first q, k and v: nothing is learned before them. */
const PACKED = 2 * (HEAD + BLOCKS) - 4 * 8 * (8 + 4 + 4);

/** Rows of `length` positions, all of which carry loss unless there is a prompt. */
function rows(length: number, promptLength = 1) {
  const ids = Int32Array.from({ length: length + 1 }, (_, i) => (i * 7) % 11);
  const example = { ids, promptLength, truncated: false };
  return collate([example, example], 2, 24);
}

async function gradientOf(model: AdaptedModel, batch: ReturnType<typeof rows>, recompute = false) {
  const gradient = new Float32Array(lora.layout.length);
  const { tensors } = lora.layout;
  const loss = await model.lossAndGradient(adapter, [batch], tensors, gradient, recompute);
  return { loss, gradient };
}

/** An engine that says what its open programs have packed. */
function watched(): { readonly engine: Engine; readonly open: readonly number[] } {
  const open: number[] = [];
  const compile = async (outputs: Readonly<Record<string, Value>>) => {
    const { packed } = graphMemory(outputs);
    const program = await engine.compile(outputs);
    open.push(packed);
    return {
      run: program.run,
      async close() {
        open.splice(open.indexOf(packed), 1);
        await program.close();
      },
    };
  };
  return { engine: { ...engine, compile }, open };
}

describe("weights too large for a copy in every program", () => {
  test("are in the program of full rows, in one at a time, and in no other", async () => {
    const { engine, open } = watched();
    const model = new AdaptedModel(base, lora, engine, SOLE);
    await gradientOf(model, rows(8));
    expect(open).toEqual([PACKED]);
    await gradientOf(model, rows(8, 3));
    await model.rowResults(adapter, rows(8));
    expect(open).toEqual([PACKED, 0, 0]);
    await gradientOf(model, rows(12));
    expect(open).toEqual([0, 0, PACKED]);
    await model.close();
    expect(open).toEqual([]);
  }, 30_000);

  test("give the same bytes whatever ran before, and the numbers of fed ones", async () => {
    const model = new AdaptedModel(base, lora, engine, SOLE);
    const first = await gradientOf(model, rows(8));
    await gradientOf(model, rows(12));
    await gradientOf(model, rows(8, 3));
    expect(await gradientOf(model, rows(8))).toEqual(first);
    expect(await gradientOf(model, rows(8), true)).toEqual(first);
    await model.close();
    const other = new AdaptedModel(base, lora, engine, SOLE);
    expect(await gradientOf(other, rows(8))).toEqual(first);
    await other.close();
    const fed = new AdaptedModel(base, lora, engine, { copyBytesMax: 0, soleCopyBytesMax: 0 });
    const expected = await gradientOf(fed, rows(8));
    expect(first.loss).toBeCloseTo(expected.loss, 5);
    for (const [i, x] of first.gradient.entries())
      expect(x).toBeCloseTo(expected.gradient[i] ?? 0, 5);
    await fed.close();
  });

  test("count in the plan, recomputed blocks three times", () => {
    const batch = { size: 2, longest: 12, threads: 1, rowsMax: 2 };
    const weights = (options: object, recompute: "on" | "off") =>
      planTraining(new AdaptedModel(base, lora, engine, options), batch, null, recompute).weights;
    const fed = weights({ copyBytesMax: 0, soleCopyBytesMax: 0 }, "off");
    const tables = fed - 4 * base.parameters;
    expect(tables).toBeLessThan(2048);
    const kept = weights(SOLE, "off") - fed - PACKED;
    // The embedding is not packed for those who read its rows; norms are small.
    expect(kept).toBeGreaterThan(HEAD);
    expect(kept).toBeLessThan(2 * HEAD);
    const again = weights(SOLE, "on") - fed - PACKED - kept;
    expect(again).toBeGreaterThan(0.5 * BLOCKS);
    expect(again).toBeLessThanOrEqual(BLOCKS);
  });

  test("beyond the bound of the engine are fed to all", () => {
    const packed = (bytes: number) => {
      const limited = { ...engine, soleCopyBytesMax: bytes };
      const options = { copyBytesMax: 0 };
      const shape: BatchShape = { batch: 2, length: 8, lossRows: 16, everyPosition: true };
      const open = withFallback(
        limited,
        async () => engine,
        () => {},
      );
      return new AdaptedModel(base, lora, open, options).trainingMemory(shape, KIND).packed;
    };
    expect(packed(4 * base.parameters - 1)).toBe(0);
    expect(packed(4 * base.parameters)).toBe(PACKED);
    expect(createOnnxEngine({ threads: 1 }).soleCopyBytesMax).toBe(640 << 20);
    expect(createOnnxEngine({ threads: 1, provider: "webgpu" }).soleCopyBytesMax).toBeUndefined();
  });
});

describe("large constants", () => {
  const table = Float32Array.from({ length: 300 * 64 }, (_, i) => Math.sin(i));
  const outputs = () => {
    const graph = new Graph();
    const constant = graph.constant(table, [300, 64], "f32", "table");
    const chosen = gatherRows(constant, graph.input("ids", [2], "i64"));
    return { chosen, products: linear(chosen, constant) };
  };

  test("lie beside the model's bytes where they may", () => {
    const beside = encodeModel(lower(outputs()), true);
    const inside = encodeModel(lower(outputs()));
    expect(beside.external.length).toBe(1);
    expect(beside.external[0]?.data.buffer).toBe(table.buffer);
    expect(inside.external).toEqual([]);
    expect(inside.bytes.length - beside.bytes.length).toBeGreaterThan(0.99 * table.byteLength);
  });

  test("have the same numbers there", async () => {
    const program = await engine.compile(outputs());
    const { chosen, products } = await program.run({ ids: BigInt64Array.of(299n, 3n) });
    expect(chosen).toEqual(Float32Array.from([...table.slice(-64), ...table.slice(192, 256)]));
    const expected = (row: number, column: number) => {
      let sum = 0;
      for (let i = 0; i < 64; i += 1) {
        sum += (table[row * 64 + i] ?? 0) * (table[column * 64 + i] ?? 0);
      }
      return sum;
    };
    expect(products?.[0]).toBeCloseTo(expected(299, 0), 4);
    expect(products?.[300 + 7]).toBeCloseTo(expected(3, 7), 4);
    await program.close();
  });
});

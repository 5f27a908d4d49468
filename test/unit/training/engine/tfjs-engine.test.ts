import * as Core from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import { exp, scale } from "../../../../src/training/graph/elementwise.ts";
import { gatherRows, scatterAddRows } from "../../../../src/training/graph/indexing.ts";
import { matmul } from "../../../../src/training/graph/matmul.ts";
import { reshape, slice } from "../../../../src/training/graph/movement.ts";
import { Graph } from "../../../../src/training/graph/value.ts";
import { engines, refusals, tensors } from "./tfjs-backends.ts";

test("cpu and wasm are installed for these tests", () => {
  expect([...engines.keys()]).toEqual(expect.arrayContaining(["cpu", "wasm"]));
});

describe.each([...engines])("tfjs:%s", (_backend, engine) => {
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

  test("refuses an index outside of its table, which kernels would follow", async () => {
    const graph = new Graph();
    const table = graph.input("table", [3, 2], "f32");
    const ids = graph.input("ids", [1, 2], "i64");
    const y = gatherRows(table, reshape(ids, [2]));
    const program = await engine.compile({ y, z: scatterAddRows(y, reshape(ids, [2]), 4) });
    const feeds = { table: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const run = (...each: bigint[]) => program.run({ ...feeds, ids: BigInt64Array.from(each) });
    await expect(run(0n, 2n)).resolves.toMatchObject({ y: Float32Array.of(1, 2, 5, 6) });
    await expect(run(0n, 3n)).rejects.toThrow("below 3");
    await expect(run(-1n, 0n)).rejects.toThrow("below 3");
    await program.close();
    // Those of a part too: a block of rows takes its own.
    const part = await engine.compile({ y: gatherRows(table, slice(reshape(ids, [2]), 0, 1, 2)) });
    const feed = (last: bigint) => ({ ...feeds, ids: BigInt64Array.of(0n, last) });
    await expect(part.run(feed(2n))).resolves.toEqual({ y: Float32Array.of(5, 6) });
    await expect(part.run(feed(3n))).rejects.toThrow("below 3");
    await part.close();
  });

  test.skipIf(engine.keep === undefined)("uploads once what it keeps, where it can", async () => {
    const graph = new Graph();
    const program = await engine.compile({ y: scale(graph.input("x", [2], "f32"), 2) });
    const kept = Float32Array.of(1, 2);
    engine.keep?.([kept]);
    const before = tensors();
    for (let i = 0; i < 2; i += 1) {
      const { y } = await program.run({ x: kept });
      expect(y).toEqual(Float32Array.of(2, 4));
      expect(tensors()).toBe(before + 1);
    }
    await engine.close();
    expect(tensors()).toBe(before);
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

describe.each([...refusals])("tfjs:%s, whose package is missing,", (_backend, refusal) => {
  test("says what to install", () => {
    expect(refusal).toBeInstanceOf(KlatchError);
    expect(refusal).toMatchObject({
      code: "engine",
      message: expect.stringContaining("not installed"),
      hint: expect.stringContaining("npm install @tensorflow/tfjs-"),
    });
  });
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

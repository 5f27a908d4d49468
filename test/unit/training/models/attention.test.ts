import { expect, test } from "vitest";
import { scale } from "../../../../src/training/graph/elementwise.ts";
import { gradients } from "../../../../src/training/graph/gradient.ts";
import { reshape } from "../../../../src/training/graph/movement.ts";
import { Graph, type Value } from "../../../../src/training/graph/value.ts";
import {
  attention,
  causalAttention,
  causalMask,
  splitHeads,
} from "../../../../src/training/layers/attention.ts";
import { lower } from "../../../../src/training/onnx/lower.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { weightedSum } from "../graph/operator-cases.ts";

const [GROUP, LENGTH, PAST, SIZE] = [2, 7, 2, 4];
const SHAPES = { q: [1, 3, GROUP * LENGTH, SIZE], k: [1, 3, 9, SIZE], v: [1, 3, 9, SIZE] };

/** The output of attention and its gradients, one after the other. */
async function computed(
  attend: (q: Value, k: Value, v: Value) => Value,
): Promise<readonly number[]> {
  const graph = new Graph();
  const [q, k, v] = Object.entries(SHAPES).map(([name, shape]) =>
    graph.input(name, shape, "f64"),
  ) as [Value, Value, Value];
  const y = attend(q, k, v);
  const found = gradients(weightedSum(y), [q, k, v]);
  const program = await engine.compile({
    y,
    ...Object.fromEntries(found.map((gradient, i) => [`d${i}`, gradient])),
  });
  const feeds = Object.entries(SHAPES).map(([name, shape], i) => [
    name,
    Float64Array.from(
      numbers(
        shape.reduce((a, b) => a * b),
        i + 1,
      ),
    ),
  ]);
  const results = await program.run(Object.fromEntries(feeds));
  await program.close();
  return Object.values(results).flatMap((array) => Array.from(array, Number));
}

test.each([undefined, 4])(
  "blocks of queries see what whole attention sees, window %s",
  async (window) => {
    const settings = { group: GROUP, past: PAST, window };
    const whole = await computed((q, k, v) =>
      attention(q, k, v, causalMask(q, LENGTH, GROUP, { past: PAST, window })),
    );
    const blocks = await computed((q, k, v) => causalAttention(q, k, v, { ...settings, block: 3 }));
    expect(blocks.length).toBe(whole.length);
    for (const [i, expected] of whole.entries()) expect(blocks[i]).toBeCloseTo(expected, 10);
  },
);

test("blocks are cut from projected rows, whose own shape is then not computed", async () => {
  const graph = new Graph();
  const heads = (name: string, count: number) => {
    const rows = graph.input(name, [5, count * 4], "f32");
    return splitHeads(rows, { batch: 1, length: 5, heads: count, headDim: 4 });
  };
  const query = reshape(heads("q", 4), [1, 2, 10, 4]);
  const settings = { group: 2, past: 0, block: 2 };
  const y = causalAttention(query, heads("k", 2), heads("v", 2), settings);
  const program = await engine.compile({ y: scale(y, 2) });
  await program.close();
});

test("a short sequence is one block, which costs nothing", () => {
  const graph = new Graph();
  const [q, k, v] = Object.entries(SHAPES).map(([name, shape]) =>
    graph.input(name, shape, "f32"),
  ) as [Value, Value, Value];
  const types = (y: Value) => lower({ y }).nodes.map(({ type }) => type);
  const mask = causalMask(q, LENGTH, GROUP, { past: PAST });
  expect(types(causalAttention(q, k, v, { group: GROUP, past: PAST }))).toEqual(
    types(attention(q, k, v, mask)),
  );
});

import { expect, test } from "vitest";
import { gradients } from "../../../src/training/graph/gradient.ts";
import { Graph, type Value } from "../../../src/training/graph/value.ts";
import { attention, causalAttention, causalMask } from "../../../src/training/models/attention.ts";
import { lower } from "../../../src/training/onnx/lowering.ts";
import { engine, numbers } from "./finite-differences.ts";
import { weightedSum } from "./operator-cases.ts";

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

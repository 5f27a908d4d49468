import { describe, expect, test } from "vitest";
import { add, exp, mul, neg } from "../../../../src/training/graph/elementwise.ts";
import { withGradient } from "../../../../src/training/graph/gradient.ts";
import { matmul } from "../../../../src/training/graph/matmul.ts";
import { graphMemory } from "../../../../src/training/graph/memory.ts";
import { reshape } from "../../../../src/training/graph/movement.ts";
import { Graph } from "../../../../src/training/graph/value.ts";

describe("the memory of a graph", () => {
  test("counts inputs and constants once, whoever uses them", () => {
    const graph = new Graph();
    const x = graph.input("x", [10], "f32");
    const c = graph.constant(new Float32Array(10), [10], "f32");
    const ids = graph.input("ids", [3], "i64");
    const y = mul(add(x, c), c);
    expect(graphMemory({ y, ids })).toMatchObject({ inputs: 40 + 24, constants: 40 });
  });

  test("of a chain is two of its values, however long", () => {
    const graph = new Graph();
    let y = graph.input("x", [100], "f32");
    for (let i = 0; i < 5; i += 1) y = exp(y);
    expect(graphMemory({ y }).activations).toBe(800);
  });

  test("holds what is used again until then, and outputs to the end", () => {
    const graph = new Graph();
    const x = graph.input("x", [100], "f32");
    const first = exp(x);
    const second = neg(first);
    const third = exp(second);
    // Last: the sum itself, the first value, kept for it, and the third.
    expect(graphMemory({ y: add(first, third) }).activations).toBe(1200);
    expect(graphMemory({ first, second, third }).activations).toBe(1200);
  });

  test("gives nothing to values that only rename others", () => {
    const graph = new Graph();
    const x = graph.input("x", [100], "f32");
    const y = withGradient(reshape(exp(x), [10, 10]), [neg(exp(x))], (g) => [g]);
    expect(graphMemory({ y }).activations).toBe(400);
    expect(graphMemory({ x: reshape(x, [4, 25]) }).activations).toBe(0);
  });

  test("grows with the greatest product, not with the sum of all", () => {
    const graph = new Graph();
    const x = graph.input("x", [1000, 4], "f32");
    const square = matmul(x, x, { transposeB: true });
    const narrow = matmul(square, x);
    const again = matmul(matmul(narrow, x, { transposeB: true }), x);
    // One square and the narrow one before or after it.
    expect(graphMemory({ again }).activations).toBe(4_000_000 + 16_000);
  });
});

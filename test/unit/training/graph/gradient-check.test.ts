import { describe, expect, test } from "vitest";
import { mul, scale } from "../../../../src/training/graph/elementwise.ts";
import {
  computationOrder,
  gradients,
  withGradient,
} from "../../../../src/training/graph/gradient.ts";
import { slice } from "../../../../src/training/graph/movement.ts";
import { Graph, type Value } from "../../../../src/training/graph/value.ts";
import { splitColumns } from "../../../../src/training/models/decoder-blocks.ts";
import { gradientError } from "./finite-differences.ts";
import { BLOCKS, OPERATIONS, one, weightedSum } from "./operator-cases.ts";

describe("the gradient agrees with central differences in float64", () => {
  for (const [name, each] of Object.entries({ ...OPERATIONS, ...BLOCKS })) {
    test(name, async () => {
      expect(await gradientError(each, weightedSum)).toBeLessThan(1e-7);
    });
  }

  test("and does not when a rule is wrong (control)", async () => {
    // d(x^2)/dx is 2x; this rule says x.
    const wrong = one([3], (x) => withGradient(mul(x, x), [x], (g) => [mul(g, x)]));
    expect(await gradientError(wrong, weightedSum)).toBeGreaterThan(0.1);
  });
});

test("what the slices of a value hand down is joined, not padded and summed", () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 6], "f32");
  const ops = (parts: readonly Value[]) => {
    const loss = weightedSum(parts.map((part, i) => scale(part, i + 2)).reduce(mul));
    return computationOrder(gradients(loss, [x])).map(({ op }) => op);
  };
  expect(ops(splitColumns(x, [2, 2, 2]))).not.toContain("pad");
  // Control: parts with a gap between them stay padded.
  expect(ops([slice(x, 1, 0, 2), slice(x, 1, 4, 6)])).toContain("pad");
});

import { describe, expect, test } from "vitest";
import { mul } from "../../../src/training/graph/elementwise.ts";
import { withGradient } from "../../../src/training/graph/gradient.ts";
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

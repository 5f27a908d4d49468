import { expect, test } from "vitest";
import {
  type Factors,
  factorsOfMeanProduct,
  meanFactors,
  meanProduct,
} from "../../../../scripts/mean-of-products.ts";
import { numbers } from "../graph/finite-differences.ts";

const [RANK, INPUTS, OUTPUTS, PEERS] = [3, 9, 7, 4];

/** Factors of peers that have moved this far from one state. */
function peersAt(moved: { readonly a: number; readonly b: number }): Factors[] {
  const [a, b] = [numbers(RANK * INPUTS, 1), numbers(OUTPUTS * RANK, 2)];
  return Array.from({ length: PEERS }, (_, peer) => {
    const [byA, byB] = [numbers(a.length, 10 + peer), numbers(b.length, 20 + peer)];
    return {
      a: Float32Array.from(a, (at, i) => at + moved.a * (byA[i] ?? 0)),
      b: Float32Array.from(b, (at, i) => at + moved.b * (byB[i] ?? 0)),
      ...{ rank: RANK, share: 1 / PEERS },
    };
  });
}

/** Distance to the mean of products, by its length. */
function error(all: readonly Factors[], factors: Factors): number {
  const [mean, made] = [meanProduct(all), meanProduct([factors])];
  return Math.hypot(...mean.map((at, i) => at - (made[i] ?? 0))) / Math.hypot(...mean);
}

test("factors that are averaged apart miss the mean of products, as far as both have moved", () => {
  const far = peersAt({ a: 1, b: 1 });
  const near = peersAt({ a: 0.1, b: 0.1 });
  expect(error(far, meanFactors(far))).toBeGreaterThan(0.1);
  expect(error(near, meanFactors(near))).toBeLessThan(0.02);
  // of a factor that all share the mean is exact (controls): what alternating rounds and FFA-LoRA do
  const sharing = peersAt({ a: 0, b: 1 });
  expect(error(sharing, meanFactors(sharing))).toBeLessThan(1e-6);
});

test("the closest factors of a rank miss less, and nothing where the mean has no more rank", () => {
  const far = peersAt({ a: 1, b: 1 });
  expect(error(far, factorsOfMeanProduct(far))).toBeLessThan(error(far, meanFactors(far)));
  const one = far.slice(0, 1).map((each) => ({ ...each, share: 1 }));
  expect(error(one, factorsOfMeanProduct(one))).toBeLessThan(1e-5);
});

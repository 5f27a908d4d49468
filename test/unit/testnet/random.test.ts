import fc from "fast-check";
import { expect, test } from "vitest";
import { shuffled } from "../../../src/random.ts";
import { createRandom, dirichlet, gamma, normal } from "../../../testnet/random.ts";

const draw = (count: number, next: () => number) => Array.from({ length: count }, next);
const average = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

test("a seed and its labels decide the sequence", () => {
  const first = draw(5, createRandom(7, "split"));

  expect(draw(5, createRandom(7, "split"))).toEqual(first);
  expect(draw(5, createRandom(8, "split"))).not.toEqual(first);
  expect(draw(5, createRandom(7, "noise"))).not.toEqual(first);
});

test("uniform draws lie in [0, 1) and have mean 1/2 and variance 1/12", () => {
  const values = draw(20_000, createRandom(1));

  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  // standard error of the mean: sqrt(1/12 / 20000) = 0.002
  expect(average(values)).toBeCloseTo(0.5, 1.9);
  expect(average(values.map((value) => (value - 0.5) ** 2))).toBeCloseTo(1 / 12, 2);
});

test("normal draws have mean 0 and variance 1", () => {
  const random = createRandom(2);
  const values = draw(20_000, () => normal(random));

  // standard errors: 1 / sqrt(20000) = 0.007 and sqrt(2 / 20000) = 0.01
  expect(Math.abs(average(values))).toBeLessThan(0.03);
  expect(Math.abs(average(values.map((value) => value * value)) - 1)).toBeLessThan(0.05);
});

test.each([0.1, 0.5, 1, 3, 20])("Gamma(%d) draws have that mean and that variance", (shape) => {
  const random = createRandom(3);
  const values = draw(40_000, () => gamma(shape, random));

  // standard error of the mean: sqrt(shape / 40000)
  expect(Math.abs(average(values) - shape)).toBeLessThan(5 * Math.sqrt(shape / 40_000));
  const variance = average(values.map((value) => (value - shape) ** 2));
  expect(Math.abs(variance / shape - 1)).toBeLessThan(0.15);
});

test("Dirichlet proportions are not negative and sum to one, for any alpha", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 1000, noNaN: true }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer(),
      (alpha, count, seed) => {
        const parts = dirichlet(alpha, count, createRandom(seed));

        expect(parts).toHaveLength(count);
        expect(parts.every((part) => part >= 0 && part <= 1)).toBe(true);
        expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 9);
      },
    ),
  );
});

test("a shuffled list has the same items, and the first place is equally often each of them", () => {
  const random = createRandom(4);
  const counts = [0, 0, 0, 0];
  for (let trial = 0; trial < 8000; trial++) {
    const [first = 0, ...rest] = shuffled([0, 1, 2, 3], random);
    counts[first] = (counts[first] ?? 0) + 1;
    expect([first, ...rest].sort()).toEqual([0, 1, 2, 3]);
  }

  // 2000 each; standard deviation sqrt(8000 * 1/4 * 3/4) = 39
  expect(counts.every((count) => Math.abs(count - 2000) < 200)).toBe(true);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Contribution, mix } from "../../../../src/consensus/index.ts";
import { MIXING_RULES } from "../../../../src/types.ts";

// Adding 0 turns -0 into 0, which toEqual tells apart.
const float = fc.float({ min: -1000, max: 1000, noNaN: true }).map((x) => x + 0);
const state = fc.array(float, { minLength: 3, maxLength: 3 }).map((row) => Float32Array.from(row));
const states = fc.array(state, { minLength: 2, maxLength: 9 });

function equalShares(rows: readonly Float32Array[]): Contribution[] {
  return rows.map((row, i) => ({ peer: `p${i}`, state: row, share: 1 / (rows.length + 1) }));
}

const scalar = (...values: readonly number[]): Contribution[] =>
  equalShares(values.map((value) => Float32Array.of(value)));

test.each(MIXING_RULES)("%s gives the same bytes in whatever order contributions come", (rule) => {
  fc.assert(
    fc.property(state, states, fc.nat(2), (own, rows, attackersMax) => {
      const contributions = equalShares(rows);
      const reversed = [...contributions].reverse();

      const mixed = mix(rule, { own, contributions, attackersMax });

      expect(mix(rule, { own, contributions: reversed, attackersMax })).toEqual(mixed);
    }),
  );
});

test.each(MIXING_RULES)("%s of equal states is that state", (rule) => {
  fc.assert(
    fc.property(state, fc.integer({ min: 1, max: 8 }), fc.nat(3), (own, count, attackersMax) => {
      const contributions = equalShares(Array.from({ length: count }, () => own));

      expect([...mix(rule, { own, contributions, attackersMax })]).toEqual([...own]);
    }),
  );
});

test.each(MIXING_RULES)("%s stays within the range of its inputs in every coordinate", (rule) => {
  fc.assert(
    fc.property(state, states, fc.nat(2), (own, rows, attackersMax) => {
      const mixed = mix(rule, { own, contributions: equalShares(rows), attackersMax });

      for (const [i, value] of mixed.entries()) {
        const column = [own, ...rows].map((row) => row[i] ?? 0);
        expect(value).toBeGreaterThanOrEqual(Math.min(...column) - 1e-3);
        expect(value).toBeLessThanOrEqual(Math.max(...column) + 1e-3);
      }
    }),
  );
});

test.each(["cs-plus", "gts", "median", "trimmed-mean"] as const)(
  "%s bounds what one of ten may do, and mean does not (control)",
  (rule) => {
    const own = Float32Array.of(0);
    const contributions = scalar(1, 1, -1, -1, 1, -1, 1, -1, 1e9);

    const [mixed] = mix(rule, { own, contributions, attackersMax: 1 });
    const [averaged] = mix("mean", { own, contributions, attackersMax: 1 });

    expect(Math.abs(mixed ?? Number.NaN)).toBeLessThanOrEqual(1);
    expect(averaged).toBeGreaterThan(1e7);
  },
);

test("cs-plus clips to the largest distance beyond which twice the attackers' share lies", () => {
  // Shares 1/5 each, b_w 1/5, target 1 - 2/5 = 3/5: own 0 (1/5), 1 (2/5), 2 (3/5) -> radius 2.
  // Move = (1 + 2 + 2·3/3 + 2·100/100) / 5 = (1 + 2 + 2 + 2) / 5 = 1.4.
  const mixed = mix("cs-plus", {
    own: Float32Array.of(0),
    contributions: scalar(1, 2, 3, 100),
    attackersMax: 1,
  });

  expect(mixed[0]).toBeCloseTo(1.4, 6);
});

test("cs-plus keeps one's own state when the attackers may hold half of the share", () => {
  // Shares 1/4, b = 2: target 1 - 2·2/4 = 0.
  const own = Float32Array.of(7);

  expect(mix("cs-plus", { own, contributions: scalar(1, 2, 3), attackersMax: 2 })).toEqual(own);
});

test.each(["median", "trimmed-mean"] as const)(
  "%s keeps one's own state when no majority can be honest",
  (rule) => {
    const own = Float32Array.of(7);

    expect(mix(rule, { own, contributions: scalar(1), attackersMax: 1 })).toEqual(own);
    expect(mix(rule, { own, contributions: scalar(1, 9), attackersMax: 1 })).toEqual(own);
  },
);

test("the median of an even count is the mean of the middle two, trimmed mean drops b at each end", () => {
  const own = Float32Array.of(1);
  // {1, 2, 4, 100}: median (2 + 4) / 2 = 3; without 1 and 100, mean (2 + 4) / 2 = 3.
  const contributions = scalar(2, 4, 100);

  expect([...mix("median", { own, contributions, attackersMax: 1 })]).toEqual([3]);
  expect([...mix("trimmed-mean", { own, contributions, attackersMax: 1 })]).toEqual([3]);
  // {1, 2, 4, 5, 100} without 1 and 100: (2 + 4 + 5) / 3.
  const five = scalar(2, 4, 5, 100);
  expect(mix("trimmed-mean", { own, contributions: five, attackersMax: 1 })[0]).toBeCloseTo(
    11 / 3,
    6,
  );
});

test("a contribution of share 0 is left out by every rule", () => {
  const own = Float32Array.of(1);
  const contributions = [{ peer: "x", state: Float32Array.of(1e6), share: 0 }];

  for (const rule of MIXING_RULES) {
    expect([...mix(rule, { own, contributions, attackersMax: 0 })]).toEqual([1]);
  }
});

test("a number that is not finite, another length and a peer named twice are bugs", () => {
  const own = Float32Array.of(1, 1);
  const of = (row: Float32Array, peer = "a"): Contribution => ({ peer, state: row, share: 0.1 });
  const bad: readonly Contribution[][] = [
    [of(Float32Array.of(1, Number.NaN))],
    [of(Float32Array.of(Number.POSITIVE_INFINITY, 1))],
    [of(Float32Array.of(1))],
    [of(own), of(own)],
    [{ ...of(own), share: 1.5 }],
  ];

  for (const contributions of bad) {
    expect(() => mix("cs-plus", { own, contributions, attackersMax: 0 })).toThrow();
  }
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  COMMON_RULE_NAMES,
  COMMON_RULES,
  type CommonRuleName,
  mixedByRank,
  normOf,
  Ranks,
  rankMixed,
} from "../../../../../src/consensus/index.ts";
import { seededRandom } from "../../../../../src/random.ts";

const RANK = 8;
const EACH = 40;
const SLICES = Uint16Array.from({ length: RANK * EACH }, (_, i) => (i * 7) % RANK);
const ranks = new Ranks(SLICES);
const f = (count: number) => Math.floor((count - 1) / 3);
const equal = (count: number) => Array.from({ length: count }, () => 1 / count);

/** Updates around a common direction, zero beyond the rank of each. */
function updatesOf(ranksOf: readonly number[], seed: number): Float32Array[] {
  const random = seededRandom(seed);
  const common = Array.from(SLICES, () => 2 * random() - 1);
  return ranksOf.map((rank) =>
    Float32Array.from(common, (at, i) => {
      const value = at + 0.8 * (2 * random() - 1);
      return (SLICES[i] ?? 0) < rank ? value : 0;
    }),
  );
}

function mixed(rule: CommonRuleName, ranksOf: readonly number[], updates: readonly Float32Array[]) {
  const { length } = updates;
  const set = { updates, shares: equal(length), attackersMax: f(length) };
  return mixedByRank(rule, { ...set, ranksOf }, ranks);
}

const inSlices = (values: Float32Array, from: number, until: number) =>
  values.filter((_, i) => (SLICES[i] ?? 0) >= from && (SLICES[i] ?? 0) < until);
const distance = (a: Float32Array, b: Float32Array) =>
  Math.hypot(...a.map((at, i) => at - (b[i] ?? Number.NaN)));

const TEN = [2, 8, 8, 4, 8, 8, 8, 8, 4, 8];

describe.each(COMMON_RULE_NAMES)("slices by %s", (rule) => {
  test("of one rank are what the rule makes of the whole updates", () => {
    const all = TEN.map(() => RANK);
    const updates = updatesOf(all, 1);
    const set = { updates, shares: equal(10), attackersMax: 3 };
    expect(mixed(rule, all, updates)).toEqual(COMMON_RULES[rule](set));
  });

  test("are what the rule makes of those who have them, with their shares: nobody counts as zero", () => {
    const updates = updatesOf(TEN, 2);
    const mix = mixed(rule, TEN, updates);
    for (const [from, until] of [
      [0, 2],
      [2, 4],
      [4, 8],
    ] as const) {
      const owners = [...TEN.keys()].filter((i) => (TEN[i] ?? 0) >= until);
      const share = owners.reduce((sum) => sum + 1 / 10, 0);
      const set = {
        updates: owners.map((i) => inSlices(updates[i] as Float32Array, from, until)),
        shares: owners.map(() => 1 / 10 / share),
        attackersMax: 3,
      };
      expect(inSlices(mix, from, until)).toEqual(COMMON_RULES[rule](set));
      // with zeros of the others the upper slices come out shorter or otherwise (control)
      const padded = { updates, shares: equal(10), attackersMax: 3 };
      const drowned = inSlices(COMMON_RULES[rule](padded), 4, 8);
      expect(distance(drowned, inSlices(mix, 4, 8))).toBeGreaterThan(1e-3);
    }
  });

  test("that too few have stay, so that those alone cannot lead them", () => {
    const few = [2, 4, 8, 8, 2, 4, 8, 8, 2, 4];
    const mix = mixed(rule, few, updatesOf(few, 3));
    const reached = rankMixed(rule, { ranksOf: few, attackersMax: 3 });
    // seven of ten have rank 4; rule mean trusts each alone
    expect(reached).toBe(rule === "mean" ? 8 : 4);
    expect(normOf(inSlices(mix, reached, 8))).toBe(0);
    expect(normOf(inSlices(mix, reached - 2, reached))).toBeGreaterThan(0.1);
  });

  test("do not depend on who trains less beside them", () => {
    const updates = updatesOf(TEN, 4);
    const low = TEN.map((rank) => Math.min(rank, 4));
    const cut = updates.map((each) => each.map((at, i) => ((SLICES[i] ?? 0) < 4 ? at : 0)));
    const [mix, lower] = [mixed(rule, TEN, updates), mixed(rule, low, cut)];
    expect(inSlices(lower, 0, 4)).toEqual(inSlices(mix, 0, 4));
    expect(normOf(inSlices(lower, 4, 8))).toBe(0);
  });
});

/** Rules whose result no length of an update moves far; a selection may change whom it takes. */
const CAPPED = [
  "median",
  "trimmed-mean",
  "median-norm-clip",
  "centred-clip",
  "geometric-median",
  "check",
] as const;

describe("an update that is a hundred times too long", () => {
  test.each(CAPPED)(
    "of whatever rank moves slices by %s no further than one of the honest",
    (rule) => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 500 }), fc.constantFrom(1, 2, 4, 8), (seed, rank) => {
          const ranksOf = [rank, 8, 8, 8, 8, 8, 8, 8, 4, 2];
          const updates = updatesOf(ranksOf, seed);
          const [liar, ...honest] = updates as [Float32Array, ...Float32Array[]];
          const clean = mixed(rule, ranksOf, updates);
          const moved = mixed(rule, ranksOf, [liar.map((at) => -100 * at), ...honest]);
          for (const [from, until] of [
            [0, 2],
            [2, 4],
            [4, 8],
          ] as const) {
            const [a, b] = [inSlices(moved, from, until), inSlices(clean, from, until)];
            const longest = Math.max(...honest.map((each) => normOf(inSlices(each, from, until))));
            expect(distance(a, b)).toBeLessThanOrEqual(longest);
          }
        }),
        { seed: 9, numRuns: 60 },
      );
    },
  );

  test("does by mean (control)", () => {
    const updates = updatesOf(TEN, 5);
    const [liar, ...honest] = updates as [Float32Array, ...Float32Array[]];
    const moved = mixed("mean", TEN, [liar.map((at) => -100 * at), ...honest]);
    const [a, b] = [moved, mixed("mean", TEN, updates)].map((each) => inSlices(each, 0, 2));
    const longest = Math.max(...honest.map((each) => normOf(inSlices(each, 0, 2))));
    expect(distance(a as Float32Array, b as Float32Array)).toBeGreaterThan(5 * longest);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  COMMON_RULE_NAMES,
  COMMON_RULES,
  type CommonRuleName,
  type CommonSet,
  medianOf,
  normOf,
} from "../../../../../src/consensus/index.ts";
import { trimmedGroups } from "../../../../../src/consensus/mixing/common/by-coordinate.ts";
import { geometryOf } from "../../../../../src/consensus/mixing/common/geometry.ts";
import { type Random, seededRandom, shuffled } from "../../../../../src/random.ts";

interface Properties {
  /** Shares count. */
  readonly shares: boolean;
  /** Updates that all move by a vector move the result by it. */
  readonly translated: boolean;
  /** What f attackers of any length can do is bounded. */
  readonly bounded: boolean;
}

/** What every rule for a common set promises. */
const RULES: Readonly<Record<CommonRuleName, Properties>> = {
  mean: { shares: true, translated: true, bounded: false },
  median: { shares: false, translated: true, bounded: true },
  "trimmed-mean": { shares: false, translated: true, bounded: true },
  "nnm-trimmed": { shares: false, translated: true, bounded: true },
  "multi-krum": { shares: false, translated: true, bounded: true },
  "median-norm-clip": { shares: true, translated: false, bounded: true },
  "centred-clip": { shares: true, translated: false, bounded: true },
  "geometric-median": { shares: true, translated: false, bounded: true },
  check: { shares: true, translated: false, bounded: true },
  "check-twins": { shares: true, translated: false, bounded: true },
};

const MAX_SINGLE = 3.4028234663852886e38;
const CASES = Object.entries(RULES) as [CommonRuleName, Properties][];
const those = (property: keyof Properties, value = true): CommonRuleName[] =>
  CASES.filter(([, properties]) => properties[property] === value).map(([name]) => name);

const seeds = fc.integer({ min: 1, max: 1_000_000 });
const counts = fc.integer({ min: 1, max: 13 });

/** `count` updates around a common direction. */
function honest(random: Random, count: number, length = 6): Float32Array[] {
  const noise = () => 2 * random() - 1;
  const common = Float32Array.from({ length }, noise);
  return Array.from({ length: count }, () => common.map((at) => at + 0.5 * noise()));
}

function equal(updates: readonly Float32Array[], attackersMax = faults(updates.length)): CommonSet {
  return { updates, shares: updates.map(() => 1 / updates.length), attackersMax };
}

const faults = (count: number): number => Math.floor((count - 1) / 3);
const scalars = (...values: readonly number[]): Float32Array[] =>
  values.map((value) => Float32Array.of(value));

function expectNear(actual: Float32Array, expected: Float32Array, within = 1e-5): void {
  const difference = actual.map((at, i) => at - (expected[i] ?? Number.NaN));
  expect(normOf(difference)).toBeLessThanOrEqual(within * (1 + normOf(expected)));
}

test("the table knows every rule", () => {
  expect(Object.keys(RULES)).toEqual(COMMON_RULE_NAMES);
  expect(Object.keys(COMMON_RULES)).toEqual(COMMON_RULE_NAMES);
});

describe.each(CASES)("%s", (name) => {
  const rule = COMMON_RULES[name];

  test("of equal updates is that update, of zeros zero, of one update that one", () => {
    fc.assert(
      fc.property(seeds, counts, (seed, count) => {
        const [update = new Float32Array()] = honest(seededRandom(seed), 1);

        expect([...rule(equal(Array.from({ length: count }, () => update)))]).toEqual([...update]);
        expect([...rule(equal([update]))]).toEqual([...update]);
      }),
    );
    expect([...rule(equal(scalars(0, 0, 0, 0)))]).toEqual([0]);
  });

  test("hardly depends on the order of the roster, and leaves its input as it is", () => {
    // Of four, one of whom may lie, Krum asks for the nearest alone: two that are nearest to each other are a tie.
    const untied = counts.filter((count) => count !== 4);
    fc.assert(
      fc.property(seeds, untied, (seed, count) => {
        const random = seededRandom(seed);
        const updates = honest(random, count);
        const before = updates.map((update) => update.slice());
        const mixed = rule(equal(updates));

        expectNear(rule(equal(shuffled(updates, random))), mixed);
        expect(updates).toEqual(before);
      }),
      // Two of the six are least like the others and tie: the cosine between them is the median of both.
      { examples: [[39_586, 6]] },
    );
  });

  test("gives the same bits in another unit, a power of two", () => {
    fc.assert(
      fc.property(seeds, counts, fc.integer({ min: -40, max: 40 }), (seed, count, power) => {
        const updates = honest(seededRandom(seed), count);
        const scaled = updates.map((update) => update.map((at) => at * 2 ** power));

        const expected = rule(equal(updates)).map((at) => at * 2 ** power);
        expect(rule(equal(scaled))).toEqual(expected);
      }),
    );
  });

  test("stays finite for updates as long as singles allow, beside ones as short", () => {
    const longest = [MAX_SINGLE, 0, 0];
    const rows = [
      longest,
      longest.map((at) => -at),
      [0, 1e-45, 0],
      [1, 2, 3],
      longest.toReversed(),
    ];
    for (const attackersMax of [0, 1, 2]) {
      for (const set of [rows, [...rows, [0, 0, 0]], rows.map(() => longest)]) {
        const updates = set.map((row) => Float32Array.from(row));
        const mixed = rule(equal(updates, attackersMax));

        expect(mixed.every(Number.isFinite), `${attackersMax}`).toBe(true);
      }
    }
  });

  test("leaves out an update of share 0, and counts one attacker less", () => {
    const updates = honest(seededRandom(5), 10);
    const shares = updates.map((_, i) => (i === 2 || i === 7 ? 0 : 1 / 8));
    const others = updates.filter((_, i) => shares[i] !== 0);

    expect(rule({ updates, shares, attackersMax: 3 })).toEqual(rule(equal(others, 1)));
  });

  test("refuses what no cut can be", () => {
    const [a, b, c] = honest(seededRandom(1), 3) as [Float32Array, Float32Array, Float32Array];
    const long = Float32Array.from(a, () => MAX_SINGLE);
    const bad: readonly [CommonSet, RegExp][] = [
      [equal([], 0), /2f updates/],
      [equal([a, b], 1), /2f updates/],
      [equal([a, b, c], -1), /counted/],
      [equal([a, b, c.subarray(1)]), /length/],
      [equal([a, b, c.map(() => Number.NaN)]), /finite/],
      [equal([a, b, c.map(() => Number.POSITIVE_INFINITY)]), /finite/],
      [equal([a, b, long]), /too long/],
      [{ updates: [a, b], shares: [1], attackersMax: 0 }, /one share/],
      [{ updates: [a, b], shares: [1.5, -0.5], attackersMax: 0 }, /negative/],
      [{ updates: [a, b], shares: [0.5, 0.4], attackersMax: 0 }, /sum to 1/],
      [{ updates: [a, b], shares: [0, 0], attackersMax: 0 }, /sum to 1/],
      [{ updates: [a, b], shares: [Number.NaN, 1], attackersMax: 0 }, /negative/],
    ];
    for (const [set, reason] of bad) expect(() => rule(set)).toThrow(reason);
  });
});

test.each(those("translated"))("%s moves with its updates", (name) => {
  fc.assert(
    fc.property(seeds, counts, (seed, count) => {
      const random = seededRandom(seed);
      const updates = honest(random, count);
      const by = Float32Array.from({ length: 6 }, () => Math.round(20 * random() - 10));
      const move = (update: Float32Array) => update.map((at, i) => at + (by[i] ?? 0));

      expectNear(
        COMMON_RULES[name](equal(updates.map(move))),
        move(COMMON_RULES[name](equal(updates))),
      );
    }),
  );
});

/** Three of ten send anything, together or each its own. */
const LIES = fc.record({
  seed: seeds,
  length: fc.constantFrom(1, 1e3, 1e9, 1e30),
  together: fc.boolean(),
});

function attacked({ seed, length, together }: { seed: number; length: number; together: boolean }) {
  const random = seededRandom(seed);
  const truth = honest(random, 7);
  const lie = () => Float32Array.from({ length: 6 }, () => length * (2 * random() - 1));
  const first = lie();
  const lies = [first, together ? first : lie(), together ? first : lie()];
  return { truth, set: equal(shuffled([...truth, ...lies], random), 3) };
}

test.each(those("bounded"))(
  "%s goes no farther than honest updates do, whatever three of ten send",
  (name) => {
    fc.assert(
      fc.property(LIES, (lies) => {
        const { truth, set } = attacked(lies);
        // Coordinates of a trimmed mean lie within those of honest updates, each of which is a norm at most.
        const bound = Math.sqrt(6) * Math.max(...truth.map(normOf));

        expect(normOf(COMMON_RULES[name](set))).toBeLessThanOrEqual(bound);
      }),
    );
  },
);

test.each(those("bounded", false))("%s is carried off by a single one (control)", (name) => {
  const updates = [...honest(seededRandom(1), 9), new Float32Array(6).fill(1e9)];

  expect(normOf(COMMON_RULES[name](equal(updates)))).toBeGreaterThan(1e8);
});

describe("shares", () => {
  const updates = honest(seededRandom(3), 7);
  const shares = [2, 1, 2, 2, 1, 2, 2].map((share) => share / 12);
  const unequal = { updates, shares, attackersMax: 2 };

  test.each(those("shares"))("count in %s", (name) => {
    expect(COMMON_RULES[name](unequal)).not.toEqual(COMMON_RULES[name](equal(updates, 2)));
  });

  test.each(those("shares", false))("do not count in %s, which counts heads", (name) => {
    expect(COMMON_RULES[name](unequal)).toEqual(COMMON_RULES[name](equal(updates, 2)));
  });

  test("are the coefficients of a mean", () => {
    const set = { updates: scalars(1, 2, 6), shares: [0.25, 0.25, 0.5], attackersMax: 1 };

    // (1 + 2 + 2·6) / 4
    expect(COMMON_RULES.mean(set)[0]).toBe(3.75);
  });
});

describe("of equal ones the earlier in the roster", () => {
  test("is chosen by multi-krum", () => {
    // Each has a twin at distance 0, so that all scores are 0; n - f = 3 are chosen.
    expect(COMMON_RULES["multi-krum"](equal(scalars(0, 0, 3, 3), 1))[0]).toBe(1);
    expect(COMMON_RULES["multi-krum"](equal(scalars(3, 3, 0, 0), 1))[0]).toBe(2);
  });

  test("is the neighbour in nnm-trimmed", () => {
    // Two nearest each: of 0 itself and the earlier of -2 and 2. Means: -1, -1, 1 and 1, 1, -1; the middle one is left.
    expect(COMMON_RULES["nnm-trimmed"](equal(scalars(-2, 0, 2), 1))[0]).toBe(-1);
    expect(COMMON_RULES["nnm-trimmed"](equal(scalars(2, 0, -2), 1))[0]).toBe(1);
  });
});

test("sums do not depend on the blocks in which they are worked on", () => {
  const updates = honest(seededRandom(9), 11, 1_300);
  const groups = updates.map((_, i) => [i, (i + 3) % 11].sort((a, b) => a - b));
  const products = (block?: number) => {
    const geometry = geometryOf(updates, block);
    return updates.flatMap((_, i) => updates.map((__, j) => geometry.product(i, j)));
  };

  for (const block of [1, 7, 512, 4096]) {
    expect(products(block)).toEqual(products());
    expect(trimmedGroups(updates, groups, 3, block)).toEqual(trimmedGroups(updates, groups, 3));
  }
});

test("an inner product is summed in the order of the coordinates, in one accumulator", () => {
  const updates = honest(seededRandom(2), 5, 2_000);
  const [a = new Float32Array(), b = new Float32Array()] = updates.slice(3);
  let sum = 0;
  for (const [i, at] of a.entries()) sum += at * (b[i] ?? 0);

  expect(geometryOf(updates).product(3, 4)).toBe(sum);
  expect(geometryOf(updates).product(4, 3)).toBe(sum);
});

test("the median is that of the middle two where their count is even", () => {
  expect(medianOf([1, 5, 2])).toBe(2);
  expect(medianOf([1, 5, 2, 4])).toBe(3);
});

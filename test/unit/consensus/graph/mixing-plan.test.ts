import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  distanceFromMean,
  formatTopology,
  MixingPlan,
  mixingMatrix,
  parseTopology,
  type RoundGraph,
  sequenceOf,
} from "../../../../src/consensus/index.ts";

const EXACT = 1e-12;
const roster = (count: number) =>
  Array.from({ length: count }, (_, i) => `p${String(i).padStart(3, "0")}`);
const planOf = (text: string, count: number, seed = 1) =>
  new MixingPlan(parseTopology(text), roster(count), seed);
const onePeer = (count: number) => sequenceOf({ kind: "one-peer-exponential" }, count);
const baseOf = (base: number, count: number) => sequenceOf({ kind: "base", base }, count);

/** Whether everybody hears of everybody in the end, along the links of these rounds. */
function isStronglyConnected(graphs: readonly RoundGraph[]): boolean {
  const count = graphs[0]?.length ?? 0;
  const reaches = (next: (place: number) => readonly number[]) => {
    const seen = new Set([0]);
    for (const place of seen) for (const other of next(place)) seen.add(other);
    return seen.size === count;
  };
  const takes = (place: number) => graphs.flatMap((graph) => [...(graph[place]?.keys() ?? [])]);
  const gives = (place: number) =>
    [...Array(count).keys()].filter((other) => graphs.some((graph) => graph[other]?.has(place)));
  return reaches(takes) && reaches(gives);
}

const anyPlan = fc
  .record({
    name: fc.constantFrom(
      ...["full", "ring", "regular:4", "exponential", "one-peer-exponential"],
      ...["base:2", "base:3", "base:5", "epidemic:1", "epidemic:4"],
    ),
    count: fc.integer({ min: 5, max: 40 }),
    seed: fc.nat(),
  })
  .map(({ name, count, seed }) => planOf(name, count, seed));

describe("a round of any topology", () => {
  test("keeps the average: its matrix is doubly stochastic, and nobody takes of itself", () => {
    const check = (plan: MixingPlan, round: number) => {
      const matrix = mixingMatrix([plan.at(round)]);
      for (const [place, row] of matrix.entries()) {
        expect(plan.at(round)[place]?.has(place)).toBe(false);
        expect(Math.min(...row)).toBeGreaterThanOrEqual(0);
        expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
        const column = matrix.map((other) => other[place] ?? 0);
        expect(column.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
      }
    };
    fc.assert(fc.property(anyPlan, fc.nat(40), check), { numRuns: 60, seed: 1 });
    check(planOf("torus", 12), 0);
  });

  test("is the same for everybody who holds the roster, in whatever order, and each peer's row of it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 30 }), fc.nat(20), fc.nat(), (count, round, seed) => {
        for (const name of ["exponential", "one-peer-exponential", "base:3", "epidemic:3"]) {
          const plan = planOf(name, count, seed);
          const other = new MixingPlan(parseTopology(name), roster(count).reverse(), seed);
          for (const [place, peer] of plan.peers.entries()) {
            const row = [...(plan.at(round)[place] ?? [])];
            expect([...other.sharesOf(peer, round)]).toEqual(
              row.map(([at, share]) => [plan.peers[at], share]),
            );
          }
        }
      }),
      { numRuns: 10, seed: 1 },
    );
  });

  test("reaches everybody within a sequence, an epidemic one within the round", () => {
    for (const count of [5, 12, 25, 31]) {
      expect(isStronglyConnected(onePeer(count))).toBe(true);
      expect(isStronglyConnected(baseOf(3, count))).toBe(true);
      expect(isStronglyConnected([planOf("exponential", count).at(0)])).toBe(true);
      expect(isStronglyConnected([planOf("epidemic:1", count).at(7)])).toBe(true);
    }
    expect(isStronglyConnected([planOf("torus", 15).at(0)])).toBe(true);
    // control
    expect(isStronglyConnected(onePeer(12).slice(1))).toBe(false);
  });
});

describe("a sequence of rounds", () => {
  test("of the one-peer exponential graph ends in the exact mean of a power of two peers", () => {
    for (const count of [4, 8, 16, 32, 64]) {
      expect(onePeer(count)).toHaveLength(Math.log2(count));
      expect(distanceFromMean(onePeer(count))).toBeLessThan(EXACT);
      // controls: not before its end, and not of one peer more
      expect(distanceFromMean(onePeer(count).slice(1))).toBeGreaterThan(0.1);
      expect(distanceFromMean(onePeer(count + 1))).toBeGreaterThan(0.01);
    }
  });

  test("of a Base-(k+1) graph ends in the exact mean of any number of peers, of at most k others a round", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 2, max: 9 }),
        (count, base) => {
          const sequence = baseOf(base, count);
          const largest = Math.max(
            ...sequence.flatMap((graph) => graph.map(({ size }) => size)),
            0,
          );
          expect(largest).toBeLessThan(base);
          if (count > 1) expect(distanceFromMean(sequence)).toBeLessThan(EXACT);
          if (count > 2 && sequence.length > 1) {
            expect(distanceFromMean(sequence.slice(0, -1))).toBeGreaterThan(EXACT);
          }
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  test("goes on from its beginning", () => {
    const plan = planOf("base:2", 25);
    expect(plan.at(9)).toBe(plan.at(0));
    expect(plan.at(1)).not.toEqual(plan.at(0));
  });
});

test("epidemic rounds are drawn anew by round and by seed, and as many take of each as it takes of", () => {
  const plan = planOf("epidemic:3", 20);
  expect(plan.at(1)).not.toEqual(plan.at(0));
  expect(planOf("epidemic:3", 20, 2).at(0)).not.toEqual(plan.at(0));
  expect(planOf("epidemic:3", 20).at(500)).toEqual(plan.at(500));
  const taken = plan.at(0).flatMap((row) => [...row.keys()]);
  for (const place of plan.peers.keys()) {
    expect(taken.filter((each) => each === place)).toHaveLength(3);
  }
});

test("spectral gaps are those of the formulas", () => {
  for (const count of [16, 25, 64, 100]) {
    const ring = (2 / 3) * (1 - Math.cos((2 * Math.PI) / count));
    expect(1 - distanceFromMean([planOf("ring", count).at(0)])).toBeCloseTo(ring, 9);
    const side = Math.sqrt(count);
    const torus = (2 / 5) * (1 - Math.cos((2 * Math.PI) / side));
    expect(1 - distanceFromMean([planOf("torus", count).at(0)])).toBeCloseTo(torus, 9);
    if (count % 2 === 1) continue;
    const exponential = 2 / (1 + Math.ceil(Math.log2(count)));
    expect(1 - distanceFromMean([planOf("exponential", count).at(0)])).toBeCloseTo(exponential, 9);
  }
});

test.each([
  ["torus", 10],
  ["torus", 13],
  ["epidemic:5", 5],
])("%s over %i peers is refused with a hint", (text, count) => {
  expect(() => planOf(text, count)).toThrow(expect.objectContaining({ code: "usage" }));
});

test.each(["base:1", "base:17", "epidemic:0", "epidemic", "torus:4", "regular:1000"])(
  "no topology is called %s",
  (text) => {
    expect(() => parseTopology(text)).toThrow(expect.objectContaining({ code: "usage" }));
  },
);

test("one or two peers have a plan too", () => {
  for (const name of ["exponential", "one-peer-exponential", "base:2", "epidemic:1", "full"]) {
    expect([...planOf(name, 1).sharesOf("p000", 3)]).toEqual([]);
    expect([...planOf(name, 2).sharesOf("p000", 3)]).toEqual([["p001", 1 / 2]]);
  }
});

test("a name survives being read and written", () => {
  for (const text of ["torus", "exponential", "one-peer-exponential", "base:16", "epidemic:7"]) {
    expect(formatTopology(parseTopology(text))).toBe(text);
  }
});

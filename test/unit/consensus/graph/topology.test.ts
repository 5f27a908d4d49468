import fc from "fast-check";
import { expect, test } from "vitest";
import { symmetricEigenvalues } from "../../../../src/consensus/graph/eigenvalues.ts";
import {
  algebraicConnectivity,
  buildGraph,
  certify,
  formatTopology,
  metropolisShares,
  parseTopology,
} from "../../../../src/consensus/index.ts";

const roster = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `p${String(i).padStart(3, "0")}`);
const graphOf = (text: string, count: number) => buildGraph(parseTopology(text), roster(count));
const none: ReadonlySet<string> = new Set();

test("eigenvalues of known matrices are exact to 1e-9", () => {
  expect(
    symmetricEigenvalues([
      [2, 1],
      [1, 2],
    ])[0],
  ).toBeCloseTo(1, 9);
  // Path of three: 0, 1, 3.
  const path = symmetricEigenvalues([
    [1, -1, 0],
    [-1, 2, -1],
    [0, -1, 1],
  ]);
  for (const [i, value] of [0, 1, 3].entries()) expect(path[i]).toBeCloseTo(value, 9);
});

test("eigenvalues keep trace and sum of squares of any symmetric matrix", () => {
  const size = 7;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 49, maxLength: 49 }),
      (raw) => {
        const a = Array.from({ length: size }, (_, i) =>
          Array.from({ length: size }, (_, j) => raw[Math.min(i, j) * size + Math.max(i, j)] ?? 0),
        );
        const values = symmetricEigenvalues(a);

        const trace = a.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
        const squares = a.flat().reduce((sum, x) => sum + x * x, 0);
        expect(values.reduce((sum, x) => sum + x, 0)).toBeCloseTo(trace, 8);
        expect(values.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(squares, 6);
      },
    ),
  );
});

test("connectivity of a complete graph is n and of a ring 2 - 2 cos(2π/n), to 1e-9", () => {
  for (const n of [3, 5, 8, 20, 60]) {
    expect(algebraicConnectivity(graphOf("full", n), none)).toBeCloseTo(n, 9);
    const ring = 2 - 2 * Math.cos((2 * Math.PI) / n);
    expect(algebraicConnectivity(graphOf("ring", n), none)).toBeCloseTo(ring, 9);
  }
});

test.each([
  [4, 0],
  [5, 1],
  [9, 1],
  [10, 2],
  [15, 3],
  [16, 3],
  [20, 4],
  [32, 6],
])("cs-plus on %i peers, all linked, is certified for %i attackers", (count, attackers) => {
  expect(certify("cs-plus", graphOf("full", count)).attackersMax).toBe(attackers);
});

test.each([
  [5, 0],
  [10, 1],
  [16, 1],
  [20, 2],
  [32, 3],
])("gts on %i peers, all linked, is certified for %i attackers", (count, attackers) => {
  expect(certify("gts", graphOf("full", count)).attackersMax).toBe(attackers);
});

test("trying every set certifies at least what Fiedler's bound does", () => {
  const graph = graphOf("regular:10", 14);
  const connectivity = algebraicConnectivity(graph, none);
  const bound = Math.floor(connectivity / 5);

  const certificate = certify("cs-plus", graph);

  expect(certificate.method).toBe("exhaustive");
  expect(certificate.attackersMax).toBeGreaterThanOrEqual(bound);
});

test("what is not certified is said to be not certified", () => {
  expect(certify("mean", graphOf("full", 10))).toMatchObject({ attackersMax: 0, method: "none" });
  expect(certify("cs-plus", graphOf("ring", 10)).statement).toContain("no attacker");
  expect(certify("median", graphOf("ring", 10)).attackersMax).toBe(0);
  expect(certify("trimmed-mean", graphOf("full", 10)).attackersMax).toBe(4);
});

test("every topology is symmetric, regular, connected and the same from any order of the roster", () => {
  const cases = [
    ["full", 7, 6],
    ["ring", 9, 2],
    ["regular:4", 11, 4],
    ["regular:5", 24, 5],
  ] as const;
  for (const [text, count, degree] of cases) {
    const graph = graphOf(text, count);

    for (const [peer, neighbours] of graph) {
      expect(new Set(neighbours).size).toBe(degree);
      expect(neighbours).not.toContain(peer);
      for (const other of neighbours) expect(graph.get(other)).toContain(peer);
    }
    expect(algebraicConnectivity(graph, none)).toBeGreaterThan(0);
    expect(buildGraph(parseTopology(text), roster(count).reverse())).toEqual(graph);
  }
});

test("a shuffled regular graph is far better connected than a circle of the same degree", () => {
  // 40 peers in a circle, each with its 3 nearest on both sides: μ2 = Σ 2 - 2 cos(2πk/40), k = 1..3, = 0.34.
  expect(algebraicConnectivity(graphOf("regular:6", 40), none)).toBeGreaterThan(1);
});

test("one or two peers have a graph too", () => {
  expect(graphOf("full", 1).get("p000")).toEqual([]);
  expect(graphOf("ring", 2).get("p000")).toEqual(["p001"]);
});

test.each([
  ["star", 5],
  ["regular:0", 5],
  ["regular:3", 5],
  ["regular:6", 5],
  ["regular:1", 4],
])("%s over %i peers is refused with a hint", (text, count) => {
  expect(() => graphOf(text, count)).toThrow(expect.objectContaining({ code: "usage" }));
});

test("a topology survives being written and read", () => {
  for (const text of ["full", "ring", "regular:12"])
    expect(formatTopology(parseTopology(text))).toBe(text);
});

test("Metropolis shares of a complete graph are all 1/n", () => {
  const shares = metropolisShares(graphOf("full", 4), "p001");

  expect([...shares]).toEqual([
    ["p000", 1 / 4],
    ["p002", 1 / 4],
    ["p003", 1 / 4],
  ]);
});

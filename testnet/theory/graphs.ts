import {
  distanceFromMean,
  MixingPlan,
  mixingMatrix,
  parseTopology,
  type RoundGraph,
  sequenceOf,
} from "../../src/consensus/index.ts";
import { decimalsOf, row, type TheoryTable } from "./rows.ts";

/** Rounding of sums of a few terms; anything that is not exact is far above it. */
const EXACT = 1e-15;

/** 1 - ||W - J|| of one round. */
export function spectralGaps(): TheoryTable {
  const given: readonly (readonly [count: number, topology: string, gap: number])[] = [
    ...([16, 25, 64, 100] as const).map(
      (count, at) => [count, "ring", [0.05075, 0.02094, 0.00321, 0.00132][at] ?? 0] as const,
    ),
    ...([16, 25, 64, 100] as const).map(
      (count, at) => [count, "torus", [0.4, 0.27639, 0.11716, 0.07639][at] ?? 0] as const,
    ),
    ...([16, 25, 64, 100] as const).map(
      (count, at) => [count, "exponential", [0.4, 0.48914, 0.28571, 0.25][at] ?? 0] as const,
    ),
  ];
  return {
    name: "spectral gap",
    source: "2/3 (1 - cos 2pi/n) of a ring; Ying et al. 2021 of the exponential graph",
    rows: given.map(([count, topology, gap]) =>
      row(
        `${topology}, n ${count}`,
        gap,
        1 - distanceFromMean([planOf(topology, count).at(0)]),
        decimalsOf(5),
      ),
    ),
  };
}

/** What is left of disagreement after ceil(log2 n) rounds: nothing where n is a power of two. */
export function onePeerExponential(): TheoryTable {
  const exact = [8, 16, 32, 64].map((count) => [count, 0] as const);
  const given = [
    [24, 0.2073],
    [25, 0.1921],
    [33, 0.0311],
    [96, 0.2068],
    [100, 0.1916],
  ] as const;
  return {
    name: "||P - J|| of the one-peer exponential graph",
    source: "Ying et al. 2021",
    rows: [...exact, ...given].map(([count, left]) => {
      const distance = distanceFromMean(sequenceOf({ kind: "one-peer-exponential" }, count));
      return row(`n ${count}`, left, distance, left === 0 ? EXACT : decimalsOf(4));
    }),
  };
}

/** Rounds after which every peer has the exact mean. */
export function exactMeanLengths(): TheoryTable {
  const given: readonly (readonly [count: number, lengths: readonly number[]])[] = [
    [6, [4, 2, 2]],
    [16, [4, 4, 2]],
    [24, [6, 4, 3]],
    [25, [9, 6, 5]],
    [31, [9, 7, 5]],
    [64, [6, 6, 3]],
    [96, [8, 6, 4]],
    [100, [11, 8, 6]],
  ];
  return {
    name: "rounds to the exact mean",
    source: "Takezawa et al. 2023, made by the authors' code",
    rows: given.flatMap(([count, lengths]) =>
      lengths.map((length, at) => {
        const sequence = sequenceOf({ kind: "base", base: at + 2 }, count);
        return row(`base:${at + 2}, n ${count}`, length, exactAfter(sequence), 0);
      }),
    ),
  };
}

export function planOf(topology: string, count: number, seed = 1): MixingPlan {
  const names = Array.from({ length: count }, (_, at) => String(at).padStart(5, "0"));
  return new MixingPlan(parseTopology(topology), names, seed);
}

// --- internal ---

/** Infinity where the whole sequence does not get there. */
function exactAfter(sequence: readonly RoundGraph[]): number {
  const lengths = sequence.map((_, at) => at + 1);
  return lengths.find((length) => isExact(sequence.slice(0, length))) ?? Number.POSITIVE_INFINITY;
}

function isExact(rounds: readonly RoundGraph[]): boolean {
  const matrix = mixingMatrix(rounds);
  return matrix.every((line) => line.every((value) => Math.abs(value - 1 / line.length) < EXACT));
}

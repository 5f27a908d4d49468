import type { Vector } from "../contributions.ts";
import { trimmedGroups } from "./by-coordinate.ts";
import { clippedCentre, geometricMedian } from "./centres.ts";
import { type CommonSet, checkedSet, medianOf } from "./common-set.ts";
import { combine, type Geometry, geometryOf } from "./geometry.ts";
import { likenessWeights } from "./likeness.ts";
import { medianNormClip, normalised } from "./scaling.ts";
import { indices, multiKrum, nearestNeighbours } from "./selection.ts";

/**
 * What becomes of a common set: the same bytes on every machine. Sums run in float64, in roster order and in that of
 * the coordinates; the result is rounded once.
 *
 * @throws AssertionError for a set that no cut can be: see `checkedSet`
 */
export type CommonRule = (set: CommonSet) => Float32Array;

type Aggregate = (set: CommonSet<Vector>) => Float64Array;

/**
 * Rules for updates that all members see alike. Medians, distances and selections count heads; a mean takes shares.
 * Rules that select (trimmed-mean, median, nnm-trimmed, multi-krum) take none: of n - f selected updates the f of
 * attackers could outweigh honest ones of smaller shares.
 */
const AGGREGATES = {
  /** By shares. Tolerates no attacker. */
  mean: ({ updates, shares }) => combine(updates, normalised(shares)),
  /** By coordinate (Yin et al. 2018, arXiv 1803.01498). */
  median: ({ updates }) => trimmedGroups(updates, alone(updates), (updates.length - 1) >> 1),
  /** By coordinate, without the f largest and smallest values (same paper). */
  "trimmed-mean": ({ updates, attackersMax }) =>
    trimmedGroups(updates, alone(updates), attackersMax),
  /** Trimmed mean after each update became the mean of its n - f nearest (NNM, Allouah et al., arXiv 2302.01772). */
  "nnm-trimmed": ({ updates, attackersMax }) =>
    trimmedGroups(updates, nearestNeighbours(geometryOf(updates), attackersMax), attackersMax),
  /** Mean of the n - f updates that lie closest to others (Blanchard et al. 2017). */
  "multi-krum": ({ updates, attackersMax }) => {
    const chosen = multiKrum(geometryOf(updates), attackersMax);
    return combine(
      updates,
      updates.map((_, i) => (chosen.includes(i) ? 1 / chosen.length : 0)),
    );
  },
  /** By shares, every update cut to the median norm. */
  "median-norm-clip": ofGeometry((shares, { norms }) => medianNormClip(shares, norms)),
  /** By shares, every update cut to the median distance from a centre that moves there (arXiv 2012.10333). */
  "centred-clip": ofGeometry(clippedCentre),
  /** RFA (arXiv 1912.13445), by shares. */
  "geometric-median": ofGeometry(geometricMedian),
  /** By shares and likeness, every update brought to the median norm; a copy shares one weight with its original. */
  check: ofGeometry((shares, geometry, f) => checked(shares, geometry, f, "share")),
  /** The same, but 2 to f copies count for nothing. */
  "check-twins": ofGeometry((shares, geometry, f) => checked(shares, geometry, f, "out")),
} as const satisfies Record<string, Aggregate>;

export type CommonRuleName = keyof typeof AGGREGATES;

export const COMMON_RULE_NAMES = Object.keys(AGGREGATES) as [CommonRuleName, ...CommonRuleName[]];

/** Every rule by its name. */
export const COMMON_RULES = Object.fromEntries(
  COMMON_RULE_NAMES.map((name): [string, CommonRule] => [
    name,
    (set) => new Float32Array(commonFloat64(name, set)),
  ]),
) as Readonly<Record<CommonRuleName, CommonRule>>;

/** The same before it is rounded, for comparison with reference values. */
export function commonFloat64(rule: CommonRuleName, set: CommonSet<Vector>): Float64Array {
  return AGGREGATES[rule](checkedSet(set));
}

// --- internal ---

/** A rule that needs no more of the updates than their inner products. */
function ofGeometry(
  coefficients: (shares: readonly number[], geometry: Geometry, f: number) => readonly number[],
): Aggregate {
  return ({ updates, shares, attackersMax }) =>
    combine(updates, coefficients(shares, geometryOf(updates), attackersMax));
}

function checked(
  shares: readonly number[],
  geometry: Geometry,
  attackersMax: number,
  copies: "share" | "out",
): number[] {
  const size = medianOf(geometry.norms);
  // Never all zero: at most f are unlike the others, and copies are among the half above a median.
  const weights = likenessWeights(geometry, attackersMax, copies);
  const parts = normalised(shares.map((share, i) => share * (weights[i] as number)));
  return parts.map((part, i) => part * broughtTo(size, geometry.norms[i] as number));
}

/** A cap alone would shorten the step, so short updates grow as well; 0/0 = 1. */
function broughtTo(size: number, norm: number): number {
  return norm === 0 ? 1 : size / norm;
}

/** Each update a group of its own. */
function alone(updates: readonly Vector[]): number[][] {
  return indices(updates.length).map((i) => [i]);
}

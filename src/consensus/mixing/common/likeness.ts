import { medianOf } from "./common-set.ts";
import type { Geometry } from "./geometry.ts";
import { indices } from "./selection.ts";

/**
 * Thresholds of the check, from honest updates of a small language model (10 clients, one domain each and Dirichlet 1):
 * none of 1,500 was beyond them.
 */
export const LIKENESS = {
  /** Below this part of the median norm an update is too short: it would only shorten the step. */
  shortest: 0.5,
  /** How far its median cosine may lie below that of most: in median deviations, and the bounds of that. */
  deviations: 6,
  least: 0.04,
  most: 0.1,
  /** How far a cosine may lie above the median of everyone's largest before two updates are twins. */
  twin: 0.05,
  /** How far above that twins count for nothing. */
  copy: 0.1,
} as const;

/** Median cosine of an update that is too short: below all others. */
const TOO_SHORT = -9;

/**
 * What everybody can see in a common set: how far each update counts, from 0 to 1.
 *
 * 0 for at most f updates, the lowest first, whose median cosine to the others lies far below that of most, or which
 * are too short. Twins share one weight between them. With `copies` out, 2 to f updates that are more alike still get
 * 0: right only where nobody can have seen another's update before its own was fixed.
 */
export function likenessWeights(
  geometry: Geometry,
  attackersMax: number,
  copies: "share" | "out",
): number[] {
  const weights = indices(geometry.count).map(() => 1);
  if (geometry.count === 1) return weights;
  for (const index of unlike(geometry, attackersMax)) weights[index] = 0;
  const bound = twinBound(geometry);
  if (copies === "out") {
    for (const index of copied(geometry, bound + LIKENESS.copy, attackersMax)) weights[index] = 0;
  }
  return sharedByTwins(geometry, bound, weights);
}

// --- internal ---

/** Cosines of an update to all others. */
function cosinesOf(geometry: Geometry, i: number): number[] {
  return indices(geometry.count)
    .filter((j) => j !== i)
    .map((j) => geometry.cosine(i, j));
}

function unlike(geometry: Geometry, attackersMax: number): number[] {
  const shortest = LIKENESS.shortest * medianOf(geometry.norms);
  const cosines = indices(geometry.count).map((i) => cosinesOf(geometry, i));
  const likeness = geometry.norms.map((norm, i) =>
    norm < shortest ? TOO_SHORT : medianOf(cosines[i] as number[]),
  );
  // Two updates tie where the cosine between them is the median of both: then the whole decides, not the roster.
  const sums = cosines.map((row) => row.reduce((sum, cosine) => sum + cosine, 0));
  const middle = medianOf(likeness);
  const deviation = medianOf(likeness.map((value) => Math.abs(value - middle)));
  // Liars widen the deviation: hence the most.
  const margin = Math.max(LIKENESS.least, LIKENESS.deviations * deviation);
  const limit = middle - Math.min(LIKENESS.most, margin);
  return indices(geometry.count)
    .sort(
      (a, b) =>
        (likeness[a] as number) - (likeness[b] as number) ||
        (sums[a] as number) - (sums[b] as number) ||
        a - b,
    )
    .slice(0, attackersMax)
    .filter((index) => (likeness[index] as number) < limit);
}

/** The cosine above which two updates are twins. */
function twinBound(geometry: Geometry): number {
  const largest = indices(geometry.count).map((i) =>
    cosinesOf(geometry, i).reduce((most, cosine) => Math.max(most, cosine)),
  );
  return medianOf(largest) + LIKENESS.twin;
}

function copied(geometry: Geometry, bound: number, attackersMax: number): number[] {
  return indices(geometry.count).filter((i) => {
    const alike = 1 + cosinesOf(geometry, i).filter((cosine) => cosine > bound).length;
    return alike > 1 && alike <= attackersMax;
  });
}

/** Divides each weight by one and the weights of the others, as far as these are beyond the bound (0) towards 1. */
function sharedByTwins(geometry: Geometry, bound: number, weights: readonly number[]): number[] {
  if (bound >= 1) return [...weights];
  return weights.map((weight, i) => {
    let others = 0;
    for (const [j, other] of weights.entries()) {
      if (j === i) continue;
      const excess = (geometry.cosine(i, j) - bound) / (1 - bound);
      others += Math.min(1, Math.max(0, excess)) * other;
    }
    return weight / (1 + others);
  });
}

import { medianOf } from "./common-set.ts";

/** Divided by their sum. */
export function normalised(shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => share / total);
}

/** min(1, radius / length), with 0/0 = 1. */
export function clipFactor(radius: number, length: number): number {
  return length > radius ? radius / length : 1;
}

/**
 * Coefficients of the mean by shares of updates that are cut to the median norm. The median counts heads, not shares:
 * more than half of the heads are honest, whatever the standings are.
 */
export function medianNormClip(shares: readonly number[], norms: readonly number[]): number[] {
  const radius = medianOf(norms);
  return normalised(shares).map((share, i) => share * clipFactor(radius, norms[i] as number));
}

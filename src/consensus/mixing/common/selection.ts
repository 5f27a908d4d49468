import type { Geometry } from "./geometry.ts";

/**
 * Multi-Krum (Blanchard et al., NeurIPS 2017): the n - f updates of least score, in roster order; a score is the sum of
 * the squared distances to the n - f - 2 closest others, one at least.
 */
export function multiKrum(geometry: Geometry, attackersMax: number): number[] {
  return smallest(krumScores(geometry, attackersMax), geometry.count - attackersMax);
}

export function krumScores(geometry: Geometry, attackersMax: number): number[] {
  const closest = Math.max(1, geometry.count - attackersMax - 2);
  return indices(geometry.count).map((i) =>
    indices(geometry.count)
      .filter((j) => j !== i)
      .map((j) => geometry.squaredDistance(i, j))
      .sort((a, b) => a - b)
      .slice(0, closest)
      .reduce((sum, square) => sum + square, 0),
  );
}

/** For each update its n - f nearest, itself among them, in roster order. */
export function nearestNeighbours(geometry: Geometry, attackersMax: number): number[][] {
  return indices(geometry.count).map((i) =>
    smallest(
      indices(geometry.count).map((j) => geometry.squaredDistance(i, j)),
      geometry.count - attackersMax,
    ),
  );
}

export function indices(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Where the `count` smallest values are; of equal ones the earlier. In ascending order of the indices. */
export function smallest(values: readonly number[], count: number): number[] {
  return indices(values.length)
    .sort((a, b) => (values[a] as number) - (values[b] as number) || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

import type { Mixture, Vector } from "./contributions.ts";

/**
 * Coordinate-wise trimmed mean (Yin et al. 2018, arXiv 1803.01498; BRIDGE). Of each coordinate's values, in the own
 * state and in the contributions, it drops the b largest and the b smallest and averages the rest, unweighted. Where
 * no more than 2b values are there, attackers could be the majority of what is left: then the own state is kept.
 */
export function trimmedMean(mixture: Mixture<Vector>, out: Vector): void {
  averageMiddle(mixture, mixture.attackersMax, out);
}

/** Coordinate-wise median, the mean of the two middle values for an even count. Keeps one's own state as above. */
export function median(mixture: Mixture<Vector>, out: Vector): void {
  const count = mixture.states.length + 1;
  averageMiddle(mixture, Math.floor((count - 1) / 2), out);
}

function averageMiddle(mixture: Mixture<Vector>, trim: number, out: Vector): void {
  const rows: readonly Vector[] = [mixture.own, ...mixture.states];
  const count = rows.length;
  if (count <= 2 * mixture.attackersMax) {
    out.set(mixture.own);
    return;
  }
  const column = new Float64Array(count);
  for (let i = 0; i < out.length; i += 1) {
    for (let j = 0; j < count; j += 1) column[j] = (rows[j] as Vector)[i] as number;
    out[i] = middleMean(column, trim);
  }
}

/** Mean of a column without its `trim` largest and smallest values, summed in ascending order. Sorts the column. */
export function middleMean(column: Float64Array, trim: number): number {
  column.sort();
  let sum = 0;
  for (let j = trim; j < column.length - trim; j += 1) sum += column[j] as number;
  return sum / (column.length - 2 * trim);
}

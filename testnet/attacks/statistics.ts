/** What attackers reckon with, in float64. */
export type Row = ArrayLike<number>;

/** By coordinate. */
export function meanOf(rows: readonly Row[]): Float64Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) for (let k = 0; k < sum.length; k += 1) sum[k] = at(sum, k) + at(row, k);
  return sum.map((each) => each / rows.length);
}

/** Standard deviation of a sample by coordinate; of one row 0. */
export function deviationOf(rows: readonly Row[], mean = meanOf(rows)): Float64Array {
  const squares = new Float64Array(mean.length);
  for (const row of rows) {
    for (let k = 0; k < squares.length; k += 1) {
      squares[k] = at(squares, k) + (at(row, k) - at(mean, k)) ** 2;
    }
  }
  return squares.map((each) => Math.sqrt(each / Math.max(1, rows.length - 1)));
}

/** `a + factor * b`. */
export function plus(a: Row, factor: number, b: Row): Float64Array {
  return Float64Array.from(a, (each, k) => each + factor * at(b, k));
}

export function dot(a: Row, b: Row): number {
  let sum = 0;
  for (let k = 0; k < a.length; k += 1) sum += at(a, k) * at(b, k);
  return sum;
}

export function norm(row: Row): number {
  return Math.sqrt(dot(row, row));
}

export function squaredDistance(a: Row, b: Row): number {
  const off = plus(a, -1, b);
  return dot(off, off);
}

/** Of the lengths of rows; of an even count the mean of the middle two. */
export function medianNorm(rows: readonly Row[]): number {
  const sorted = rows.map(norm).sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? 0) + (high ?? 0)) / 2;
}

// --- internal ---

function at(row: Row, k: number): number {
  return row[k] as number;
}

import { seededRandom } from "../../../random.ts";

/** The greatest singular values of a matrix with their vectors, as `rank` rows each. */
export interface SingularVectors {
  /** [rank], falling. */
  readonly values: Float64Array;
  /** Rows of length `rows`. */
  readonly left: readonly Float64Array[];
  /** Rows of length `columns`. */
  readonly right: readonly Float64Array[];
}

/** Vectors beyond the wanted ones, and passes over the matrix: section 4.4 of the paper; more change little. */
const EXTRA = 8;
const ITERATIONS = 2;

/**
 * The first `rank` singular values and vectors of a row-major matrix by randomised subspace iteration (Halko,
 * Martinsson, Tropp 2011, arXiv 0909.4061). Uses + - * / and square roots of doubles alone, in one order: every
 * machine gets the same bits.
 */
export function singularVectors(
  data: Float32Array,
  rows: number,
  columns: number,
  rank: number,
): SingularVectors {
  const count = Math.min(rank + EXTRA, rows, columns);
  const random = seededRandom(1);
  let right: readonly Float64Array[] = Array.from({ length: count }, () =>
    Float64Array.from({ length: columns }, () => random() - 0.5),
  );
  orthonormalise(right);
  for (let i = 0; i < ITERATIONS; i += 1) {
    const left = timesTransposed(data, rows, columns, right);
    orthonormalise(left);
    right = times(data, rows, columns, left);
    orthonormalise(right);
  }
  // W V = U S E^T: the Gram matrix of its columns has the squared singular values.
  const images = timesTransposed(data, rows, columns, right);
  const { values: squares, vectors } = eigenvectors(gram(images));
  const values = Float64Array.from(squares.subarray(0, rank), (x) => Math.sqrt(Math.max(0, x)));
  const kept = vectors.slice(0, rank);
  return {
    values,
    left: kept.map((mix, j) => combine(images, mix, values[j] ?? 0)),
    right: kept.map((mix) => combine(right, mix, 1)),
  };
}

/** The vectors W v, one for each v. */
function timesTransposed(
  data: Float32Array,
  rows: number,
  columns: number,
  vectors: readonly Float64Array[],
): Float64Array[] {
  const results = vectors.map(() => new Float64Array(rows));
  for (let row = 0; row < rows; row += 1) {
    const weights = data.subarray(row * columns, (row + 1) * columns);
    for (const [j, vector] of vectors.entries()) {
      let total = 0;
      for (let i = 0; i < columns; i += 1) total += (weights[i] ?? 0) * (vector[i] ?? 0);
      (results[j] ?? vector)[row] = total;
    }
  }
  return results;
}

/** The vectors W^T u, one for each u. */
function times(
  data: Float32Array,
  rows: number,
  columns: number,
  vectors: readonly Float64Array[],
): Float64Array[] {
  const results = vectors.map(() => new Float64Array(columns));
  for (let row = 0; row < rows; row += 1) {
    const weights = data.subarray(row * columns, (row + 1) * columns);
    for (const [j, vector] of vectors.entries()) {
      addTimes(results[j] ?? vector, weights, vector[row] ?? 0);
    }
  }
  return results;
}

/** target += factor * source. */
function addTimes(target: Float64Array, source: ArrayLike<number>, factor: number): void {
  for (let i = 0; i < target.length; i += 1) {
    target[i] = (target[i] ?? 0) + factor * (source[i] ?? 0);
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i += 1) total += (a[i] ?? 0) * (b[i] ?? 0);
  return total;
}

/** Gram-Schmidt, twice against rounding; a vector that depends on those before it becomes zero. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  for (const [j, vector] of vectors.entries()) {
    const before = dot(vector, vector);
    for (const earlier of [...vectors.slice(0, j), ...vectors.slice(0, j)]) {
      addTimes(vector, earlier, -dot(earlier, vector));
    }
    const square = dot(vector, vector);
    const factor = square > 1e-24 * before ? 1 / Math.sqrt(square) : 0;
    for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) * factor;
  }
}

function gram(vectors: readonly Float64Array[]): Float64Array[] {
  return vectors.map((a) => Float64Array.from(vectors, (b) => dot(a, b)));
}

/** sum over i of mix[i] * vectors[i], over `divisor`; zero where that is zero. */
function combine(
  vectors: readonly Float64Array[],
  mix: Float64Array,
  divisor: number,
): Float64Array {
  const result = new Float64Array(vectors[0]?.length ?? 0);
  if (divisor === 0) return result;
  for (const [i, vector] of vectors.entries()) addTimes(result, vector, (mix[i] ?? 0) / divisor);
  return result;
}

const SWEEPS_MAX = 60;

/**
 * Eigenvalues, falling, and eigenvectors of a small symmetric matrix, which is overwritten. Jacobi's rotations keep the
 * digits of values far below the greatest, which a reduction to three diagonals can lose.
 */
function eigenvectors(matrix: readonly Float64Array[]): {
  readonly values: Float64Array;
  readonly vectors: readonly Float64Array[];
} {
  const size = matrix.length;
  const vectors = matrix.map((_, i) => Float64Array.from({ length: size }, (_, j) => +(i === j)));
  for (let i = 0; i < SWEEPS_MAX && sweep(matrix, vectors); i += 1);
  const diagonal = Float64Array.from(matrix, (row, i) => row[i] ?? 0);
  const order = [...diagonal.keys()].sort((i, j) => (diagonal[j] ?? 0) - (diagonal[i] ?? 0));
  return {
    values: Float64Array.from(order, (i) => diagonal[i] ?? 0),
    vectors: order.map((i) => vectors[i] ?? new Float64Array(size)),
  };
}

/** Clears every off-diagonal element once; false when all were clear. */
function sweep(matrix: readonly Float64Array[], vectors: readonly Float64Array[]): boolean {
  let turned = false;
  for (const [p, row] of matrix.entries()) {
    for (let q = p + 1; q < row.length; q += 1) {
      const [pp, qq, pq] = [row[p] ?? 0, matrix[q]?.[q] ?? 0, row[q] ?? 0];
      if (Math.abs(pq) <= 1e-15 * Math.sqrt(Math.abs(pp * qq))) continue;
      const [c, s] = rotation(pp, qq, pq);
      rotateRows(matrix, p, q, c, s);
      for (const each of matrix) rotatePair(each, p, q, c, s);
      rotateRows(vectors, p, q, c, s);
      turned = true;
    }
  }
  return turned;
}

/** Cosine and sine of the rotation that clears the off-diagonal element of [[pp, pq], [pq, qq]]. */
function rotation(pp: number, qq: number, pq: number): readonly [number, number] {
  const theta = (qq - pp) / (2 * pq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  return [c, t * c];
}

function rotatePair(row: Float64Array, p: number, q: number, c: number, s: number): void {
  const [x, y] = [row[p] ?? 0, row[q] ?? 0];
  row[p] = c * x - s * y;
  row[q] = s * x + c * y;
}

function rotateRows(rows: readonly Float64Array[], p: number, q: number, c: number, s: number) {
  const [a, b] = [rows[p], rows[q]];
  if (a === undefined || b === undefined) return;
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    a[i] = c * x - s * y;
    b[i] = s * x + c * y;
  }
}

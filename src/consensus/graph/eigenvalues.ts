import assert from "node:assert/strict";

/**
 * Eigenvalues of a symmetric matrix in ascending order: Householder tridiagonalisation, then bisection on Sturm counts
 * (Golub and Van Loan, Matrix Computations, 8.3 and 8.4). Only + - * / and square root.
 *
 * @param matrix - rows of a real symmetric matrix; not changed
 * @param indices - which eigenvalues, counted from the smallest; all of them when absent
 * @returns the eigenvalues, each within about 1e-12 of the largest absolute row sum
 */
export function symmetricEigenvalues(
  matrix: readonly (readonly number[])[],
  indices: readonly number[] = matrix.map((_, index) => index),
): readonly number[] {
  const { diagonal, off } = tridiagonalize(matrix);
  let bound = 0;
  for (const row of matrix) bound = Math.max(bound, absoluteSum(row));
  return indices.map((index) => bisect(diagonal, off, index, bound));
}

function absoluteSum(row: readonly number[]): number {
  let sum = 0;
  for (const value of row) sum += Math.abs(value);
  return sum;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** off[i] couples i-1 and i; off[0] is 0. */
  readonly off: Float64Array;
}

function tridiagonalize(matrix: readonly (readonly number[])[]): Tridiagonal {
  const n = matrix.length;
  const a = matrix.map((row) => {
    assert.equal(row.length, n, "the matrix is square");
    return Float64Array.from(row);
  });
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  for (let k = 0; k < n - 1; k += 1) off[k + 1] = reflect(a, k);
  for (let k = 0; k < n; k += 1) diagonal[k] = at(a, k, k);
  return { diagonal, off };
}

function at(a: readonly Float64Array[], i: number, j: number): number {
  return a[i]?.[j] ?? 0;
}

/** Zeroes column k below the subdiagonal by a reflection of rows and columns k+1…; returns the subdiagonal element. */
function reflect(a: readonly Float64Array[], k: number): number {
  const n = a.length;
  let tail = 0;
  for (let i = k + 2; i < n; i += 1) tail += at(a, i, k) * at(a, i, k);
  const head = at(a, k + 1, k);
  if (tail === 0) return head;
  const norm = Math.sqrt(head * head + tail);
  const alpha = head > 0 ? -norm : norm;
  const v = new Float64Array(n);
  v[k + 1] = head - alpha;
  for (let i = k + 2; i < n; i += 1) v[i] = at(a, i, k);
  // |v|² = 2 (norm² − alpha·head), so the reflection is I − v vᵀ / half.
  const half = norm * norm - alpha * head;
  rankTwoUpdate(a, v, half, k + 1);
  return alpha;
}

/** A ← (I − v vᵀ/h) A (I − v vᵀ/h) on rows and columns from `from`. */
function rankTwoUpdate(
  a: readonly Float64Array[],
  v: Float64Array,
  half: number,
  from: number,
): void {
  const n = a.length;
  const p = new Float64Array(n);
  let dot = 0;
  for (let i = from; i < n; i += 1) {
    const row = a[i] as Float64Array;
    let sum = 0;
    for (let j = from; j < n; j += 1) sum += (row[j] as number) * (v[j] as number);
    p[i] = sum / half;
    dot += (p[i] as number) * (v[i] as number);
  }
  const shift = dot / (2 * half);
  for (let i = from; i < n; i += 1) p[i] = (p[i] as number) - shift * (v[i] as number);
  for (let i = from; i < n; i += 1) {
    const row = a[i] as Float64Array;
    for (let j = from; j < n; j += 1) {
      const change = (v[i] as number) * (p[j] as number) + (p[i] as number) * (v[j] as number);
      row[j] = (row[j] as number) - change;
    }
  }
}

/** How many eigenvalues of the tridiagonal matrix lie below x (Sturm). */
function countBelow(diagonal: Float64Array, off: Float64Array, x: number): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i += 1) {
    const coupling = off[i] as number;
    pivot = (diagonal[i] as number) - x - (coupling * coupling) / pivot;
    // A pivot of exactly zero would divide by zero in the next row.
    if (pivot === 0) pivot = -1e-300;
    if (pivot < 0) count += 1;
  }
  return count;
}

function bisect(diagonal: Float64Array, off: Float64Array, index: number, bound: number): number {
  let low = -bound - 1;
  let high = bound + 1;
  // 100 halvings leave no representable number between the ends.
  for (let i = 0; i < 100; i += 1) {
    const middle = (low + high) / 2;
    if (countBelow(diagonal, off, middle) > index) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

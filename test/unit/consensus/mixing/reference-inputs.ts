/** One deterministic set of inputs: n rows of d values, the last f rows Byzantine. */
export interface ReferenceCase {
  readonly n: number;
  readonly d: number;
  readonly f: number;
  readonly seed: number;
  /** Byzantine rows are this times the sign of the drawn value; 0 leaves them as drawn. */
  readonly outlier: number;
}

/** Rows from a 32-bit linear congruential generator: step, then emit; row-major; values in [-1, 1). */
export function referenceInputs({ n, d, f, seed, outlier }: ReferenceCase): Float64Array[] {
  let state = seed;
  return Array.from({ length: n }, (_, row) =>
    Float64Array.from({ length: d }, () => {
      state = (1664525 * state + 1013904223) % 4294967296;
      const value = state / 2147483648 - 1;
      return outlier > 0 && row >= n - f ? outlier * Math.sign(value) : value;
    }),
  );
}

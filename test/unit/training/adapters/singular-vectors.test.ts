import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { singularVectors } from "../../../../src/training/adapters/methods/singular-vectors.ts";

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

const distance = (a: Float64Array, b: Float32Array) =>
  Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))));

/** U S V^T, row-major. */
function product(
  left: readonly Float64Array[],
  values: Float64Array,
  right: readonly Float64Array[],
  size: number,
): Float64Array {
  const columns = right[0]?.length ?? 1;
  return Float64Array.from({ length: size }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return left.reduce(
      (sum, u, k) => sum + (u[row] ?? 0) * (values[k] ?? 0) * (right[k]?.[column] ?? 0),
      0,
    );
  });
}

const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 9 }), columns: fc.integer({ min: 1, max: 9 }) })
  .chain(({ rows, columns }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      data: fc.float32Array({
        minLength: rows * columns,
        maxLength: rows * columns,
        min: -1,
        max: 1,
        noNaN: true,
      }),
    }),
  );

describe("singular vectors", () => {
  test("of all ranks build a small matrix again, from orthonormal vectors", () => {
    fc.assert(
      fc.property(matrices, ({ rows, columns, data }) => {
        const rank = Math.min(rows, columns);
        const { values, left, right } = singularVectors(data, rows, columns, rank);
        expect(distance(product(left, values, right, rows * columns), data)).toBeLessThan(1e-6);
        // A matrix of lower rank has zeros in the place of the vectors that it does not decide.
        const norms = right.map((a, i) => ((values[i] ?? 0) > 1e-6 ? dot(a, a) : 1));
        const products = right.flatMap((a, i) => right.slice(i + 1).map((b) => dot(a, b)));
        expect(Math.max(...norms.map((x) => Math.abs(x - 1)))).toBeLessThan(1e-9);
        expect(Math.max(0, ...products.map(Math.abs))).toBeLessThan(1e-9);
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  test("keep the greatest part of a matrix whose values fall off", () => {
    // Two outer products of orthogonal vectors with the values 40 and 4, and noise far below.
    const [rows, columns] = [40, 30];
    const data = Float32Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const sign = (row % 2 === 0 ? 1 : -1) * (column % 2 === 0 ? 1 : -1);
      return (40 + 4 * sign) / Math.sqrt(rows * columns) + 1e-4 * Math.sin(i);
    });
    const { values } = singularVectors(data, rows, columns, 2);
    expect(values[0]).toBeCloseTo(40, 2);
    expect(values[1]).toBeCloseTo(4, 2);
  });

  test("have the same bits on every machine", () => {
    const data = Float32Array.from({ length: 35 }, (_, i) => ((i * 7919) % 101) / 101);
    const { values } = singularVectors(data, 7, 5, 2);
    // Computed once and kept.
    expect([...values]).toEqual([3.4298024186338254, 0.17406673069868556]);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { transposed } from "../../../../src/training/adapters/merging/transposed.ts";
import { dequantize } from "../../../../src/training/base/dequantize.ts";
import { quantize } from "../../../../src/training/base/quantize.ts";
import { numbers } from "../graph/finite-differences.ts";

const BITS = [4, 8] as const;

/** Sums of four even numbers, so about normally distributed. */
function normal(count: number, seed: number): Float32Array {
  const even = numbers(4 * count, seed);
  return Float32Array.from({ length: count }, (_, i) =>
    even.subarray(4 * i, 4 * i + 4).reduce((a, b) => a + b, 0),
  );
}

const matrices = fc.record({
  rows: fc.integer({ min: 1, max: 70 }),
  columns: fc.integer({ min: 1, max: 4 }),
  seed: fc.integer({ min: 1, max: 999 }),
  // A block may lie on one side of zero, far from it.
  shift: fc.constantFrom(0, 0, 0.5, -0.5, 3, -3),
  size: fc.constantFrom(1, 1e-6, 1e6),
});
type Matrix = typeof matrices extends fc.Arbitrary<infer T> ? T : never;

const dataOf = ({ rows, columns, seed, shift, size }: Matrix) =>
  Float32Array.from(numbers(rows * columns, seed), (x) => size * (x + shift));

/** The numbers of each block of `height` rows with their places, column by column. */
function* blocks(data: Float32Array, columns: number, height: number) {
  const rows = data.length / columns;
  for (let column = 0; column < columns; column += 1) {
    for (let top = 0; top < rows; top += height) {
      const places = Array.from(
        { length: Math.min(height, rows - top) },
        (_, i) => (top + i) * columns + column,
      );
      yield { column, places, values: places.map((at) => data[at] ?? 0) };
    }
  }
}
const rangeOf = (values: readonly number[]) => Math.max(0, ...values) - Math.min(0, ...values);

describe("quantising a matrix", () => {
  test("8 bits: no number is further off than half a step of its block", () => {
    fc.assert(
      fc.property(matrices, (drawn) => {
        const data = dataOf(drawn);
        const back = dequantize(quantize(data, drawn, 8));
        for (const { places, values } of blocks(data, drawn.columns, 32)) {
          const step = Math.max(...values.map(Math.abs)) / 127;
          for (const at of places) {
            expect(Math.abs((data[at] ?? 0) - (back[at] ?? 0))).toBeLessThanOrEqual(0.501 * step);
          }
        }
      }),
    );
  });

  test("4 bits: a block's mean error is within half a step of its range, and its scale's", () => {
    fc.assert(
      fc.property(matrices, (drawn) => {
        const data = dataOf(drawn);
        const back = dequantize(quantize(data, drawn, 4));
        const all = [...blocks(data, drawn.columns, 16)];
        const widest = Array.from({ length: drawn.columns }, (_, column) =>
          Math.max(...all.filter((b) => b.column === column).map((b) => rangeOf(b.values))),
        );
        for (const { column, places, values } of all) {
          const squares = places.map((at) => ((data[at] ?? 0) - (back[at] ?? 0)) ** 2);
          const mean = Math.sqrt(squares.reduce((a, b) => a + b) / places.length);
          // A byte for the scale: at most half of 1/255 of the widest block's range more.
          const most = (0.5 * 1.07 * rangeOf(values)) / 15 + (widest[column] ?? 0) / 510;
          expect(mean).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test("4 bits lose less than half of what NF4 in blocks of 64 does, in squared error", () => {
    const [rows, columns] = [512, 8];
    const data = normal(rows * columns, 5);
    const error = (back: ArrayLike<number>) =>
      data.reduce((total, x, i) => total + (x - (back[i] ?? 0)) ** 2, 0);
    const ours = error(dequantize(quantize(data, { rows, columns }, 4)));
    const theirs = error(normalFloats(data, columns));
    expect(ours / theirs).toBeLessThan(0.5);
    // Control: the reference is as near as 4 bits of one scale can be, and rounding loses something.
    expect(theirs / error([])).toBeLessThan(0.01);
    expect(ours).toBeGreaterThan(0);
  });

  test("a matrix of zeros stays one", () => {
    for (const bits of BITS) {
      expect(dequantize(quantize(new Float32Array(40), { rows: 40, columns: 1 }, bits))).toEqual(
        new Float32Array(40),
      );
    }
  });

  test("a matrix that lies column by column gives the same integers", () => {
    const [rows, columns] = [40, 6];
    const data = Float32Array.from(numbers(rows * columns, 4));
    for (const bits of BITS) {
      const turned = transposed(data, columns);
      expect(quantize(turned, { rows, columns, columnsFirst: true }, bits)).toEqual(
        quantize(data, { rows, columns }, bits),
      );
    }
  });

  test("4-bit storage takes 5 bits a number and 4 bytes a column", () => {
    const [rows, columns] = [512, 8];
    const { stored } = quantize(new Float32Array(rows * columns), { rows, columns }, 4);
    const bytes = stored.reduce((total, { byteLength }) => total + byteLength, 0);
    expect(bytes).toBe((rows * columns * 5) / 8 + 4 * columns);
  });
});

/** The levels of NF4 (Dettmers et al. 2023, arXiv 2305.14314, appendix E). */
const NF4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
  0.7229568362236023, 1,
];

/** Rounded to NF4 times the greatest magnitude of each block of 64. */
function normalFloats(data: Float32Array, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (const { places, values } of blocks(data, columns, 64)) {
    const most = Math.max(...values.map(Math.abs));
    for (const [i, x] of values.entries()) {
      const near = NF4.reduce((a, b) => (Math.abs(b * most - x) < Math.abs(a * most - x) ? b : a));
      result[places[i] ?? 0] = near * most;
    }
  }
  return result;
}

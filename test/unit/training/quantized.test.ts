import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AdaptedModel } from "../../../src/training/adapted-model.ts";
import { createLora } from "../../../src/training/adapters/lora.ts";
import { collateParts } from "../../../src/training/batches.ts";
import { loadBaseModel } from "../../../src/training/files/base-model.ts";
import { mul } from "../../../src/training/graph/elementwise.ts";
import { gradients } from "../../../src/training/graph/gradient.ts";
import { reshape } from "../../../src/training/graph/movement.ts";
import { quantizedLinear } from "../../../src/training/graph/quantized.ts";
import { sum } from "../../../src/training/graph/reduction.ts";
import { Graph } from "../../../src/training/graph/value.ts";
import { blocksOf, quantize } from "../../../src/training/models/quantize.ts";
import type { BaseDType } from "../../../src/types.ts";
import { dequantized } from "./dequantized.ts";
import { engine, numbers } from "./finite-differences.ts";
import { tinyModel } from "./tiny-llama.ts";

const BITS = [4, 8] as const;

describe("quantising a matrix", () => {
  test.each(BITS)("%i bits: no number is further off than half a step of its block", (bits) => {
    const shape = fc.record({
      rows: fc.integer({ min: 1, max: 4 }),
      columns: fc.integer({ min: 1, max: 70 }),
    });
    fc.assert(
      fc.property(shape, fc.integer(), ({ rows, columns }, seed) => {
        const data = Float32Array.from(numbers(rows * columns, Math.abs(seed % 999) + 1));
        const matrix = quantize(data, rows, columns, bits);
        const back = dequantized(matrix);
        for (const [i, x] of data.entries()) {
          const block =
            Math.floor(i / columns) * blocksOf(columns) + Math.floor((i % columns) / 32);
          const step = matrix.scales[block] ?? 0;
          // Clipped ends of a 4-bit range are off by the clip too: three tenths of 7 steps / 0.7.
          const most = bits === 8 ? 0.5 : 3.5;
          expect(Math.abs(x - (back[i] ?? 0))).toBeLessThanOrEqual(most * step + 1e-6);
        }
      }),
    );
  });

  test("4 bits: clipping an outlier serves the others, in squared error", () => {
    const data = Float32Array.from(numbers(32, 5), (x, i) => (i === 7 ? 3 : 0.5 * x));
    const error = (back: Float32Array) =>
      back.reduce((total, x, i) => total + (x - (data[i] ?? 0)) ** 2, 0);
    const found = quantize(data, 1, 32, 4);
    const plain = Float32Array.from(data, (x) => Math.max(-8, Math.round(x / (3 / 7))) * (3 / 7));
    expect(error(dequantized(found))).toBeLessThanOrEqual(error(plain));
  });

  test("a matrix of zeros stays one", () => {
    for (const bits of BITS) {
      expect(dequantized(quantize(new Float32Array(40), 1, 40, bits))).toEqual(
        new Float32Array(40),
      );
    }
  });
});

describe("a quantised product", () => {
  // 40 columns: a whole block and a part of one.
  const [rows, columns, n] = [6, 40, 3];
  test.each(BITS)("%i bits: forward and backward use the dequantised matrix", async (bits) => {
    const matrix = quantize(Float32Array.from(numbers(rows * columns, 4)), rows, columns, bits);
    const weights = Float32Array.from(numbers(n * rows, 8));
    const graph = new Graph();
    const x = graph.input("x", [n, columns], "f32");
    const bytes = bits * 4;
    const packed = graph.input("packed", [rows, blocksOf(columns), bytes], "u8");
    const scales = graph.input("scales", [rows, blocksOf(columns)], "f32");
    const y = quantizedLinear(x, { packed, scales, bits, columns });
    const loss = reshape(sum(mul(y, graph.constant(weights, [n, rows], "f32")), [0, 1]), []);
    const [gradient] = gradients(loss, [x]);
    if (gradient === undefined) throw new Error("no gradient");
    const program = await engine.compile({ y, gradient });
    const data = Float32Array.from(numbers(n * columns, 2));
    const { y: product, gradient: slope } = await program.run({
      x: data,
      packed: matrix.packed,
      scales: matrix.scales,
    });
    await program.close();
    const w = dequantized(matrix);
    const at = (a: ArrayLike<number>, i: number) => a[i] ?? 0;
    const dot = (length: number, term: (k: number) => number) =>
      Array.from({ length }, (_, k) => term(k)).reduce((a, b) => a + b, 0);
    for (let i = 0; i < n * rows; i += 1) {
      const [row, out] = [Math.floor(i / rows), i % rows];
      const expected = dot(columns, (k) => at(data, row * columns + k) * at(w, out * columns + k));
      expect(Number(product?.[i])).toBeCloseTo(expected, 4);
    }
    for (let i = 0; i < n * columns; i += 1) {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const expected = dot(rows, (k) => at(weights, row * rows + k) * at(w, k * columns + column));
      expect(Number(slope?.[i])).toBeCloseTo(expected, 4);
    }
  });
});

/** Loss and gradient of one batch with the base model kept as `dtype`. */
async function lossAndGradient(
  base: ReturnType<typeof tinyModel>,
  dtype: BaseDType,
  ids: readonly number[],
) {
  const lora = createLora(base.definition, { rank: 2, alpha: 4, targets: ["all"] });
  const model = new AdaptedModel(base, lora, engine, { dtype });
  const values = Float32Array.from(numbers(lora.layout.length, 3), (x) => 0.02 * x);
  const gradient = new Float32Array(values.length);
  const example = { ids: Int32Array.from(ids), promptLength: 1, truncated: false };
  const parts = collateParts([example], 64);
  const loss = await model.lossAndGradient(values, parts, lora.layout.tensors, gradient);
  await model.close();
  return { loss, gradient };
}

const relative = (a: number, b: number) => Math.abs(a / b - 1);
const angle = (a: Float32Array, b: Float32Array) =>
  a.reduce((total, x, i) => total + x * (b[i] ?? 0), 0) / (Math.hypot(...a) * Math.hypot(...b));

test("a tiny model trains on integers nearly as on floats, and less nearly on fewer bits", async () => {
  const ids = [1, 4, 9, 3, 10, 0, 7, 2];
  const whole = await lossAndGradient(tinyModel(), "f32", ids);
  const eight = await lossAndGradient(tinyModel(), "int8", ids);
  const four = await lossAndGradient(tinyModel(), "int4", ids);
  expect(relative(eight.loss, whole.loss)).toBeLessThan(0.01);
  expect(angle(eight.gradient, whole.gradient)).toBeGreaterThan(0.999);
  expect(angle(four.gradient, whole.gradient)).toBeGreaterThan(0.9);
  // Control: rounding does change something, and four bits more than eight.
  expect(eight.loss).not.toBe(whole.loss);
  expect(angle(four.gradient, whole.gradient)).toBeLessThan(angle(eight.gradient, whole.gradient));
});

const REAL = "../shared/data/tinystories-656k/f32-safetensors";
test.skipIf(!existsSync(REAL))(
  "the real 656K model's loss stays within 1 % (8 bits) and 3 % (4 bits) (needs ../shared/data)",
  async () => {
    const base = await loadBaseModel(REAL);
    // The beginning of a story in the model's own vocabulary would be better known; any text it can read will do.
    const ids = Array.from({ length: 64 }, (_, t) => (37 * t + 11) % base.definition.vocabSize);
    const { loss } = await lossAndGradient(base, "f32", ids);
    expect(relative((await lossAndGradient(base, "int8", ids)).loss, loss)).toBeLessThan(0.01);
    expect(relative((await lossAndGradient(base, "int4", ids)).loss, loss)).toBeLessThan(0.03);
  },
);

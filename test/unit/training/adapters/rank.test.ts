import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createLora,
  type LoraLayout,
  loraLayout,
} from "../../../../src/training/adapters/methods/lora.ts";
import { resizeRank } from "../../../../src/training/adapters/rank.ts";
import { slotView } from "../../../../src/training/adapters/slots.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { sequenceLogits } from "../models/logits.ts";
import { tinyModel } from "../models/tiny-llama.ts";

const { definition } = tinyModel();
const TARGETS = ["q", "down"];
/** Peers that keep alpha / rank alike. */
const layoutOf = (rank: number) =>
  loraLayout(definition, { rank, alpha: 2 * rank, targets: TARGETS });
const valuesOf = (layout: LoraLayout, seed: number) =>
  Float32Array.from(numbers(layout.length, seed));

/** scale * B A of every layer, one after the other. */
function products(layout: LoraLayout, values: Float32Array): Float64Array {
  const all = layout.adapted.flatMap(({ linear, a, b, scale }) => {
    const [left, right] = [slotView(values, b), slotView(values, a)];
    const [rank = 0, inputs = 0] = a.shape;
    return Array.from({ length: linear.outputs * inputs }, (_, i) => {
      const [row, column] = [Math.floor(i / inputs), i % inputs];
      let sum = 0;
      for (let k = 0; k < rank; k += 1)
        sum += (left[row * rank + k] ?? 0) * (right[k * inputs + column] ?? 0);
      return scale * sum;
    });
  });
  return Float64Array.from(all);
}

const distance = (a: Float64Array, b: Float64Array) =>
  Math.hypot(...a.map((x, i) => x - (b[i] ?? Number.NaN)));

const ranks = fc.record({
  rank: fc.integer({ min: 1, max: 6 }),
  more: fc.integer({ min: 0, max: 6 }),
  seed: fc.integer({ min: 1, max: 1000 }),
});

describe("an adapter of another rank", () => {
  test("has the same product when it is padded, and the same bits when it is cut again", () => {
    fc.assert(
      fc.property(ranks, ({ rank, more, seed }) => {
        const [small, large] = [layoutOf(rank), layoutOf(rank + more)];
        const values = valuesOf(small, seed);
        const padded = resizeRank(small, large, values);
        expect(products(large, padded)).toEqual(products(small, values));
        expect(resizeRank(large, small, padded)).toEqual(values);
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  test("has the same product within rounding where the scales differ", () => {
    fc.assert(
      fc.property(ranks, ({ rank, more, seed }) => {
        const sized = (r: number) =>
          loraLayout(definition, { kind: "rslora", rank: r, alpha: 3, targets: TARGETS });
        const [small, large] = [sized(rank), sized(rank + more)];
        const values = valuesOf(small, seed);
        const before = products(small, values);
        const after = products(large, resizeRank(small, large, values));
        expect(distance(before, after)).toBeLessThan(1e-6 * Math.hypot(...before));
      }),
      { seed: 4, numRuns: 40 },
    );
  });

  test("computes the same logits when it is padded", async () => {
    const base = tinyModel();
    const logits = async (rank: number, change: (layout: LoraLayout) => Float32Array) => {
      const lora = createLora(base.definition, { rank, alpha: 2 * rank, targets: TARGETS });
      const model = new AdaptedModel(base, lora, engine);
      const found = await sequenceLogits(model, change(lora.layout), [1, 7, 3, 3, 10]);
      await model.close();
      return found;
    };
    const small = layoutOf(2);
    const values = valuesOf(small, 5);
    const before = await logits(2, () => values);
    const after = await logits(5, (large) => resizeRank(small, large, values));
    expect(Math.max(...before.map((x, i) => Math.abs(x - (after[i] ?? 0))))).toBeLessThan(1e-5);
  });

  test("is closest to what it was when singular vectors cut it", () => {
    fc.assert(
      fc.property(ranks, ({ rank, more, seed }) => {
        const [small, large] = [layoutOf(rank), layoutOf(rank + more)];
        const values = valuesOf(large, seed);
        const before = products(large, values);
        const error = (cut: "truncate" | "svd") =>
          distance(products(small, resizeRank(large, small, values, cut)), before);
        expect(error("svd")).toBeLessThanOrEqual(error("truncate") + 1e-5);
      }),
      { seed: 5, numRuns: 40 },
    );
  });

  test("loses nothing by singular vectors when it had no more rank", () => {
    // Factors 2 and 3 repeat factors 0 and 1, so that rank 2 is enough, but not the first two alone.
    const [small, large] = [layoutOf(2), layoutOf(4)];
    const values = resizeRank(small, large, valuesOf(small, 6));
    for (const { linear, a, b } of large.adapted) {
      const [left, right] = [slotView(values, b), slotView(values, a)];
      right.copyWithin(2 * linear.inputs, 0, 2 * linear.inputs);
      for (let row = 0; row < linear.outputs; row += 1)
        left.copyWithin(4 * row + 2, 4 * row, 4 * row + 2);
    }
    const before = products(large, values);
    const error = (cut: "truncate" | "svd") =>
      distance(products(small, resizeRank(large, small, values, cut)), before);
    expect(error("svd")).toBeLessThan(1e-5);
    // Control: plain truncation loses half of it.
    expect(error("truncate")).toBeGreaterThan(1);
  });
});

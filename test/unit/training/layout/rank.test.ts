import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import { loraLayout } from "../../../../src/training/adapters/methods/lora.ts";
import { layoutIn } from "../../../../src/training/layout/layout-texts.ts";
import { lengthAt, rankIn, rankSlices, slotsInRank } from "../../../../src/training/layout/rank.ts";
import { slotView } from "../../../../src/training/layout/slots.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import { layoutOf as factorsOf } from "../../../support/budget-layout.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { SETTINGS } from "../adapters/small-settings.ts";
import { tinyOptions, writeTinyFolder } from "../learner/model-folder.ts";
import { tinyModel } from "../models/tiny-llama.ts";

const { definition } = tinyModel();
const layoutOf = (rank: number) =>
  loraLayout(definition, { rank, alpha: 16, targets: ["q", "down"] });
const ranks = fc.record({
  rank: fc.integer({ min: 1, max: 6 }),
  more: fc.integer({ min: 0, max: 6 }),
});

describe("the slices of an adapter's rank", () => {
  test("are such that the values of the first r are an adapter of rank r", () => {
    fc.assert(
      fc.property(ranks, ({ rank, more }) => {
        const [small, large] = [layoutOf(rank), layoutOf(rank + more)];
        const slices = rankSlices(large);
        // every value says where it is: tensor, row and column
        const places = (layout: typeof small) =>
          layout.tensors.flatMap(({ name, shape: [rows = 0, columns = 0] }) =>
            Array.from(
              { length: rows * columns },
              (_, i) => `${name} ${Math.floor(i / columns)} ${i % columns}`,
            ),
          );
        expect(places(large).filter((_, i) => (slices[i] ?? 0) < rank)).toEqual(places(small));
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  test("are trained where slots in a rank say so, and nowhere else", () => {
    fc.assert(
      fc.property(ranks, ({ rank, more }) => {
        const layout = layoutOf(rank + more);
        const trained = new Float32Array(layout.length);
        for (const slot of layout.tensors) {
          for (const part of slotsInRank(slot, rank)) {
            expect(part.name).toBe(slot.name);
            const view = slotView(trained, part);
            for (const i of view.keys()) view[i] = (view[i] ?? 0) + 1;
          }
        }
        const slices = [...rankSlices(layout)];
        expect([...trained]).toEqual(slices.map((slice) => (slice < rank ? 1 : 0)));
      }),
      { seed: 4, numRuns: 40 },
    );
  });

  test("follow from what a run says of its layout, for who has no model", () => {
    const layout = layoutOf(3);
    const { texts = [], digest } = layout;
    const told = layoutIn(texts, digest);
    expect(told && rankSlices(told)).toEqual(rankSlices(layout));
    expect(layoutIn(texts, "0".repeat(64))).toBeNull();
  });

  test("are one where a method has none, and what has no rank is in the first", () => {
    const ia3 = createAdapter(tinyModel(), SETTINGS.ia3).layout;
    expect(new Set(rankSlices(ia3))).toEqual(new Set([0]));
    const core = createAdapter(tinyModel(), SETTINGS["lora-xs"]).layout;
    expect(new Set(rankSlices(core))).toEqual(new Set([0]));
    const { layout } = createAdapter(tinyModel(), SETTINGS.dora);
    const slices = rankSlices(layout);
    expect(new Set(slices)).toEqual(new Set([0, 1]));
    const magnitude = layout.tensors.find(({ name }) => name.includes("magnitude"));
    expect(magnitude && slotsInRank(magnitude, 1)).toEqual([magnitude]);
    expect(slices[magnitude?.offset ?? 0]).toBe(0);
  });
});

test("a layout of any rank tells how many values it has at another", () => {
  const factors = factorsOf(8);
  expect(rankIn(factorsOf(4))).toBe(4);
  for (const rank of [2, 4, 8]) {
    expect(lengthAt(factors, rank)).toBe(factorsOf(rank).length);
    expect(lengthAt(factorsOf(2), rank)).toBe(factorsOf(rank).length);
  }
  // methods without factors, and layers with ranks of their own
  const [first, ...others] = factors.tensors;
  const mixed = [{ ...first, name: "x.lora_A.weight", shape: [2, 1024], offset: 0 }, ...others];
  expect(rankIn({ ...factors, tensors: [] })).toBeNull();
  expect(rankIn({ ...factors, tensors: mixed })).toBeNull();
  expect(lengthAt({ ...factors, tensors: [] }, 2)).toBe(factors.length);
});

describe("a learner of a lower rank", () => {
  /** Trains from a state that has something in every slice. */
  async function trained(steps: number, rank: { readonly rank?: number }) {
    const folder = temporaryFolder();
    await writeTinyFolder(folder);
    const core = await LearnerCore.open({ ...tinyOptions(folder), ...rank });
    try {
      const start = core.initialAdapter().map((at, i) => at + 0.2 * Math.sin(i));
      const optimizer = freshOptimizer(start.length);
      const result = await core.train({ adapter: start, optimizer, round: 0, steps }, {});
      const isBeyond = [...rankSlices(core.info.layout)].map((slice) => slice >= 1);
      const isMoved = [...result.adapter].map((at, i) => at !== start[i]);
      return { isBeyond, isMoved, result };
    } finally {
      await core.close();
    }
  }
  const count = (flags: readonly boolean[]) => flags.filter(Boolean).length;

  test("trains its slices, and the others stay to the bit, without moments", async () => {
    const { isBeyond, isMoved, result } = await trained(3, { rank: 1 });

    expect(count(isMoved.map((is, i) => is && (isBeyond[i] ?? false)))).toBe(0);
    expect([...result.optimizer.secondMoment].filter((at, i) => at !== 0 && isBeyond[i])).toEqual(
      [],
    );
    expect(count(isMoved)).toBeGreaterThan(0.9 * count(isBeyond.map((is) => !is)));
    // of the whole rank all move (control)
    expect(count((await trained(3, {})).isMoved)).toBeGreaterThan(0.9 * isBeyond.length);
  });

  test("sees the others' slices all the same: the loss that it begins with is that of the whole adapter", async () => {
    const [low, whole] = [await trained(1, { rank: 1 }), await trained(1, {})];
    expect(low.result.loss).toBe(whole.result.loss);
    // one step on they differ (control)
    const [lower, wholly] = [await trained(2, { rank: 1 }), await trained(2, {})];
    expect(lower.result.loss).not.toBe(wholly.result.loss);
  });
});

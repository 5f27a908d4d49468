import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Batch } from "../../../../src/training/batches/batch.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { packRows } from "../../../../src/training/batches/packed-rows.ts";
import type { Example } from "../../../../src/training/data/examples/example.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { freshOptimizer } from "../../../../src/training/loop/optimizer.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { tinyOptions, writeTinyFolder } from "../learner/model-folder.ts";
import { GOLDENS, goldenModel } from "../models/golden-architectures.ts";
import { norm } from "../models/golden-numbers.ts";

const example = (ids: readonly number[], promptLength = 1): Example => ({
  ids: Int32Array.from(ids),
  promptLength,
  truncated: false,
});

/** Texts of the golden ids of unequal length, one of them with a prompt. */
function textsOf(ids: readonly number[]): readonly Example[] {
  return [ids.slice(0, 5), ids.slice(2, 14), ids.slice(7, 10), ids.slice(9, 15)].map((text, i) =>
    example(text, i === 1 ? 4 : 1),
  );
}

describe.each(GOLDENS)("packed texts of %s", (_, golden) => {
  test("have the loss and the gradients of texts in rows of their own", async () => {
    const { model, adapter, lora } = goldenModel(golden);
    const texts = textsOf(golden.ids);
    const run = async (parts: readonly Batch[]) => {
      const gradient = new Float32Array(adapter.length);
      const loss = await model.lossAndGradient(adapter, parts, lora.layout.tensors, gradient);
      return { loss, gradient };
    };
    const alone = await run(collateParts(texts, 24));
    const [packed, ...more] = collateParts(texts, 24, { packed: true });
    expect([packed?.shape.batch, more.length]).toEqual([2, 0]);

    const together = await run(packed ? [packed] : []);

    expect(Math.abs(together.loss - alone.loss)).toBeLessThan(1e-5);
    const distance = norm(together.gradient.map((x, i) => x - (alone.gradient[i] ?? 0)));
    expect(distance / norm(alone.gradient)).toBeLessThan(1e-4);
    // Control: texts that see one another, or whose places go on, have another loss.
    expect(Math.abs((await run(packed ? [joined(packed)] : [])).loss - alone.loss)).toBeGreaterThan(
      1e-3,
    );
    await model.close();
  });
});

/** With a window and a cap, and with shared keys. */
const LONG = GOLDENS.filter(([name]) => ["gemma2", "llama"].includes(name));

describe.each(LONG)("long packed rows of %s", (_, golden) => {
  test.each([false, true])("have the same gradients too (recomputed: %s)", async (recompute) => {
    const { model, adapter, lora } = goldenModel(golden);
    const long = example(Array.from({ length: 4 }, () => golden.ids).flat());
    const texts = [...textsOf(golden.ids), long];
    const run = async (packed: boolean) => {
      const gradient = new Float32Array(adapter.length);
      const parts = collateParts(texts, 128, { packed });
      const { tensors } = lora.layout;
      const loss = await model.lossAndGradient(adapter, parts, tensors, gradient, recompute);
      return { loss, gradient, parts };
    };
    const [alone, together] = [await run(false), await run(true)];
    // Long enough that queries are computed in blocks.
    expect(together.parts[0]?.shape).toMatchObject({ batch: 1, length: 128, packed: true });
    expect(Math.abs(together.loss - alone.loss)).toBeLessThan(1e-5);
    const distance = norm(together.gradient.map((x, i) => x - (alone.gradient[i] ?? 0)));
    expect(distance / norm(alone.gradient)).toBeLessThan(1e-4);
    await model.close();
  });
});

describe("a learner that packs", () => {
  const opened = async (change: Partial<LearnerOptions>, packing: "none" | "separate") => {
    const folder = temporaryFolder();
    await writeTinyFolder(folder);
    const options = { ...tinyOptions(folder), ...change };
    assert(options.data);
    return await LearnerCore.open({ ...options, data: { ...options.data, packing } });
  };

  test("trains as one that does not", async () => {
    const results = [];
    for (const packing of ["none", "separate"] as const) {
      const core = await opened({}, packing);
      const adapter = core.initialAdapter();
      const optimizer = freshOptimizer(adapter.length);
      results.push(await core.train({ adapter, optimizer, round: 0, steps: 4 }, {}));
      await core.close();
    }
    const [none, separate] = results;
    expect(separate?.tokens).toBe(none?.tokens);
    expect(Math.abs((separate?.loss ?? 0) - (none?.loss ?? 1))).toBeLessThan(1e-5);
  });

  test("has nothing stand before its texts, and no classes", async () => {
    const adapter = { kind: "prefix", virtualTokens: 2, seed: 1 } as const;
    await expect(opened({ adapter }, "separate")).rejects.toThrow("stands before every text");
    const task = { task: "classification", classes: ["a", "b"] } as const;
    await expect(opened(task, "separate")).rejects.toThrow("texts with classes");
  });
});

/** The batch as if each row were one text. */
function joined(batch: Batch): Batch {
  const { length } = batch.shape;
  const texts = new Float32Array(batch.ids.length).fill(1);
  const places = batch.ids.map((_, i) => BigInt(i % length));
  return { ...batch, packing: { texts, places } };
}

describe("packing", () => {
  test("puts every text into one row that has room for it", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 100, max: 600 }), (texts, most) => {
        const { length, rows } = packRows(texts, 100, most);
        expect(length).toBeLessThanOrEqual(most);
        expect(rows.flat().toSorted((a, b) => a - b)).toEqual(texts.map((_, i) => i));
        for (const row of rows) {
          expect(row.reduce((sum, i) => sum + (texts[i] ?? 0), 0)).toBeLessThanOrEqual(length);
        }
        // Never more than rows of their own would take.
        expect(rows.length * length).toBeLessThanOrEqual(texts.length * 100);
      }),
    );
  });

  test("takes fewer positions, for the same losses, than rows of their own", () => {
    const texts = Array.from({ length: 16 }, (_, i) =>
      example(Array.from({ length: 4 + ((7 * i) % 20) }, (_, t) => 3 + t)),
    );
    const positions = (parts: readonly Batch[]) =>
      parts.reduce((sum, { shape }) => sum + shape.batch * shape.length, 0);
    const tokens = (parts: readonly Batch[]) => parts.reduce((sum, each) => sum + each.tokens, 0);
    const alone = collateParts(texts, 256);
    const packed = collateParts(texts, 256, { packed: true });
    expect(tokens(packed)).toBe(tokens(alone));
    expect(positions(packed)).toBeLessThan(0.75 * positions(alone));
  });
});

import assert from "node:assert/strict";
import { describe, expect, test } from "vitest";
import { collate, collateParts } from "../../../../src/training/batches/collate.ts";
import type { Example } from "../../../../src/training/data/examples/example.ts";
import type { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { GOLDENS, goldenModel } from "./golden-architectures.ts";
import { sequenceLogits } from "./logits.ts";

/** Tokens up to which the model of that case uses its short divisors. */
const CASES = GOLDENS.flatMap(([name, golden]) => {
  const { original_max_position_embeddings: most, rope_scaling: scaling } = JSON.parse(
    JSON.stringify(golden.config),
  ) as {
    readonly original_max_position_embeddings?: number;
    readonly rope_scaling?: { readonly type?: string };
  };
  return scaling?.type === "longrope" && most !== undefined ? [[name, golden, most] as const] : [];
});

const text = (ids: readonly number[]): Example => ({
  ids: Int32Array.from(ids),
  promptLength: 1,
  truncated: false,
});

/**
 * What each token but the first costs in a sequence of all of them, as transformers takes it: checked against its
 * numbers.
 */
async function tokenLosses(
  model: AdaptedModel,
  adapter: Float32Array,
  ids: readonly number[],
  among = ids,
): Promise<number[]> {
  const logits = await sequenceLogits(model, adapter, among);
  const width = logits.length / among.length;
  return ids.slice(1).map((target, at) => {
    const row = logits.subarray(at * width, (at + 1) * width);
    const sum = row.reduce((total, x) => total + Math.exp(x), 0);
    return Math.log(sum) - (row[target] ?? Number.NaN);
  });
}

function apart(a: ArrayLike<number>, b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...b.map((x, i) => Math.abs(x - (a[i] ?? Number.NaN))));
}

test("there are models with two sets of divisors", () => expect(CASES.length).toBeGreaterThan(0));

describe.each(CASES)("a text of %s", (_, golden, most) => {
  const ids = Array.from(
    { length: most + 1 },
    (_each, i) => golden.ids[i % golden.ids.length] ?? 0,
  );

  test("is long by its own tokens, whatever the padding", async () => {
    const { model, adapter } = goldenModel(golden);
    for (const length of [most - 3, most, most + 1]) {
      const own = ids.slice(0, length);
      const { losses } = await model.rowResults(adapter, collate([text(own)], 1, 64));
      expect(apart(losses, await tokenLosses(model, adapter, own))).toBeLessThan(1e-4);
      // Control: its neighbour of the other kind has other numbers.
      const other = await tokenLosses(
        model,
        adapter,
        own,
        length > most ? own.slice(0, most) : ids,
      );
      const isOther = length > most || length === most;
      if (isOther)
        expect(apart(losses.slice(0, most - 1), other.slice(0, most - 1))).toBeGreaterThan(1e-3);
    }
    await model.close();
  });

  test("is as long as without the others of its row", async () => {
    const { model, adapter } = goldenModel(golden);
    // As many as fill a row of 128 with less padding than rows of their own.
    const texts = Array.from({ length: 14 }, (_each, i) => ids.slice(i % 5, (i % 5) + 10));
    const [packed, ...more] = collateParts(texts.map(text), 128, { packed: true });
    assert(packed);
    expect([more.length, packed.shape.batch, packed.shape.length]).toEqual([0, 1, 128]);
    const { losses } = await model.rowResults(adapter, packed);
    const mean = (all: ArrayLike<number>) =>
      Array.from(all).reduce((sum, x) => sum + x, 0) / all.length;
    const alone = (await Promise.all(texts.map((own) => tokenLosses(model, adapter, own)))).flat();
    expect(Math.abs(mean(losses) - mean(alone))).toBeLessThan(1e-4);
    await model.close();
  });
});

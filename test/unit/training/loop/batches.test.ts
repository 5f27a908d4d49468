import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucket } from "../../../../src/training/batches/batch.ts";
import { collate, collateParts } from "../../../../src/training/batches/collate.ts";
import { stepExamples } from "../../../../src/training/batches/example-order.ts";

const example = (ids: readonly number[], promptLength: number) => ({
  ids: Int32Array.from(ids),
  promptLength,
  truncated: false,
});

describe("a batch", () => {
  test("holds the ids, and one loss row for every completion token", () => {
    const batch = collate([example([1, 5, 6, 7], 2), example([1, 8, 2], 1)], 2, 16);
    // The longest row predicts 3 tokens: padded to 8. Targets 6, 7 of the first row, 8, 2 of the second: 4 loss rows
    // are padded to 32, but there are 16 positions only.
    expect(batch.shape).toMatchObject({ lossRows: 16, everyPosition: false });
    expect([...batch.ids.subarray(0, 8)].map(Number)).toEqual([1, 5, 6, 0, 0, 0, 0, 0]);
    expect([...batch.positions.subarray(0, 4)].map(Number)).toEqual([1, 2, 8, 9]);
    expect([...batch.targets.subarray(0, 4)].map(Number)).toEqual([6, 7, 8, 2]);
    expect([...batch.weights]).toEqual([...new Array(4).fill(0.25), ...new Array(12).fill(0)]);
    expect(batch.owners).toEqual([0, 0, 1, 1]);
    expect(batch.tokens).toBe(4);
  });

  test("is no longer than the context, and has a row for every position when all carry loss", () => {
    const ids = Array.from({ length: 11 }, (_, i) => i);
    expect(collate([example(ids, 1)], 1, 10).shape).toEqual({
      batch: 1,
      length: 10,
      lossRows: 10,
      everyPosition: true,
      longest: 11,
    });
  });
});

describe("a training batch in parts", () => {
  const many = Array.from({ length: 16 }, (_, i) =>
    example([1, ...new Array(40).fill(i)], 1 + (i % 3)),
  );

  test("has equal parts of at most 256 positions that hold every example", () => {
    const parts = collateParts(many, 100);
    // 40 predictions are padded to 48: 16 * 48 = 768 positions are three parts of ceil(16 / 3) = 6 rows.
    expect(parts.map(({ shape }) => [shape.batch, shape.length])).toEqual([
      [6, 48],
      [6, 48],
      [6, 48],
    ]);
    const whole = collate(many, 16, 100);
    expect(parts.reduce((total, { tokens }) => total + tokens, 0)).toBe(whole.tokens);
  });

  test("weighs every completion token alike", () => {
    const weights = collateParts(many, 100).flatMap((part) => [...part.weights]);
    const counted = weights.filter((weight) => weight > 0);
    expect(new Set(counted).size).toBe(1);
    expect(counted.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  });

  test("has larger parts for more threads, up to a bound", () => {
    const rows = (threads: number) =>
      collateParts(many, 100, { threads }).map((p) => p.shape.batch);
    expect(rows(2)).toEqual([8, 8]);
    expect(rows(3)).toEqual([16]);
    const more = Array.from({ length: 64 }, () => many).flat();
    const positions = collateParts(more, 100, { threads: 64 }).map(
      ({ shape }) => shape.batch * shape.length,
    );
    expect(Math.max(...positions)).toBeLessThanOrEqual(1024 + 48);
  });

  test("has rows of its own however long they are", () => {
    const long = [300, 310].map((length) => example(new Array(length).fill(3), 1));
    expect(collateParts(long, 512).map(({ shape }) => shape.batch)).toEqual([1, 1]);
  });
});

describe("bucket", () => {
  test("takes few sizes", () => {
    expect([1, 8, 9, 12, 13, 17, 25, 33, 49, 100].map(bucket)).toEqual([
      8, 8, 12, 12, 16, 24, 32, 48, 64, 128,
    ]);
  });

  test("holds its argument with less than half of padding", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 1 << 20 }), (size) => {
        expect(bucket(size)).toBeGreaterThanOrEqual(size);
        expect(bucket(size)).toBeLessThan(1.5 * size);
      }),
    );
  });
});

describe("the order of examples", () => {
  test("visits every example once in each epoch, differently in the next", () => {
    // 6 examples in batches of 4: three steps are two epochs.
    const seen = [0, 1, 2].flatMap((step) => [...stepExamples(6, 4, 3, step)]);
    expect(seen.slice(0, 6).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(seen.slice(6).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    const long = (epoch: number) => stepExamples(50, 50, 3, epoch);
    expect(long(0)).not.toEqual(long(1));
  });

  test("depends on the seed and the step only", () => {
    expect(stepExamples(50, 8, 1, 7)).toEqual(stepExamples(50, 8, 1, 7));
    expect(stepExamples(50, 8, 1, 7)).not.toEqual(stepExamples(50, 8, 2, 7));
  });

  test("keeps the permutations of the epochs that a step is in, and none from before", () => {
    const orders = new Map<number, readonly number[]>();
    for (let step = 0; step < 100; step += 1) stepExamples(6, 4, 3, step, orders);

    expect([...orders.keys()]).toEqual([66]);
  });

  test("fills a batch larger than the data by going round", () => {
    expect([...stepExamples(2, 5, 1, 0)].filter((i) => i === 0).length).toBeGreaterThanOrEqual(2);
  });
});

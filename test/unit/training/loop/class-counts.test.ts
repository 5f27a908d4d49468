import fc from "fast-check";
import { expect, test } from "vitest";
import { collate } from "../../../../src/training/batches/collate.ts";
import { ClassCounts } from "../../../../src/training/loop/class-counts.ts";

/** Counts of texts whose classes and answers are given. */
function counts(pairs: readonly (readonly [label: number, answer: number])[]): ClassCounts {
  const made = new ClassCounts();
  const ids = Int32Array.of(1, 2);
  const examples = pairs.map(([label]) => ({ ids, label, truncated: false }));
  // One row of padding, which must not count.
  const batch = collate(examples, pairs.length + 1, 8);
  const logits = new Float32Array(3 * (pairs.length + 1));
  for (const [row, [, answer]] of pairs.entries()) logits[3 * row + answer] = 1;
  made.add(logits, batch);
  return made;
}

test("macro F1 is the mean of each class's own", () => {
  const pairs = [
    [0, 0],
    [0, 0],
    [0, 1],
    [1, 1],
    [2, 0],
  ] as const;
  // Class 0: 2 hits of 3 and 3; class 1: 1 of 1 and 2; class 2: none.
  const expected = (4 / 6 + 2 / 3 + 0) / 3;
  expect(counts(pairs).macroF1()).toBeCloseTo(expected, 12);
});

test("classes that do not occur have no F1", () => {
  expect(
    counts([
      [0, 0],
      [2, 2],
    ]).macroF1(),
  ).toBe(1);
  expect(
    counts([
      [0, 0],
      [2, 1],
    ]).macroF1(),
  ).toBeCloseTo(1 / 3, 12);
});

test("it is one exactly when every answer is right", () => {
  const answer = fc.integer({ min: 0, max: 2 });
  fc.assert(
    fc.property(fc.array(fc.tuple(answer, answer), { minLength: 1 }), (pairs) => {
      const right = pairs.every(([label, found]) => label === found);
      expect(counts(pairs).macroF1() === 1).toBe(right);
    }),
  );
});

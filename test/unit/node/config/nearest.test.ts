import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "../../../../src/node/config/nearest.ts";

test.each([
  ["run.bachSize", "run.batchSize"],
  ["RUN.ROUNDS", "run.rounds"],
  ["statsu", "status"],
  ["xylophone", null],
])("%s is nearest to %s", (word, expected) => {
  expect(nearest(word, ["run.batchSize", "run.rounds", "status", "peers"])).toBe(expected);
});

test("a known word is nearest to itself, whatever else is known", () => {
  const word = fc.string({ minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(word, fc.array(word), (known, others) => {
      const found = nearest(known, [...others, known]);
      expect(found?.toLowerCase()).toBe(known.toLowerCase());
    }),
  );
});

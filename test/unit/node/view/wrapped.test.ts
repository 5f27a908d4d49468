import fc from "fast-check";
import { expect, test } from "vitest";
import { wrapped, wrappedLines } from "../../../../src/node/view/wrapped.ts";

const TEXT = "weights 2.5 MiB, activations 96.1 MiB, optimiser 1.9 MiB: 100.5 MiB of 7.7 GiB";

test("a text that is too long for the screen goes on below itself", () => {
  expect(wrapped("ok    plan       ", TEXT, 60)).toBe(
    [
      "ok    plan       weights 2.5 MiB, activations 96.1 MiB,",
      "                 optimiser 1.9 MiB: 100.5 MiB of 7.7 GiB",
    ].join("\n"),
  );
});

test("names and texts go side by side, as long as there is room", () => {
  expect(wrappedLines([`memory  ${TEXT}`, "data    54 examples"], 8, 60)).toEqual([
    wrapped("memory  ", TEXT, 60),
    "data    54 examples",
  ]);
});

test("where there is no screen it stays one line", () => {
  expect(wrapped("ok  ", TEXT, null)).toBe(`ok  ${TEXT}`);
});

test("lines fit, but for a word that is longer by itself, and no word is cut or lost", () => {
  const word = fc.stringMatching(/^[a-z0-9/]{1,70}$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      const lines = wrapped("ok    model      ", words.join(" "), 80).split("\n");
      const found = lines.map((line) => line.slice(17).split(" "));
      expect(found.flat()).toEqual(words);
      const tooLong = lines.filter((line) => line.length > 80);
      expect(tooLong.every((line) => !line.slice(17).includes(" "))).toBe(true);
    }),
  );
});

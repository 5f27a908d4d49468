import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytePairEncoder } from "../../../../src/training/data/tokenizer/byte-pairs.ts";

const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", " ", "é", "😀"), maxLength: 60 });
const part = fc.string({ unit: fc.constantFrom("a", "b", "c", " "), minLength: 1, maxLength: 3 });
const mergeList = fc.array(fc.tuple(part, part), { maxLength: 30 });

/** The library's own encoder with the same merges; every piece is in its vocabulary. */
function libraryPieces(merges: readonly (readonly [string, string])[], word: string): string[] {
  const pieces = new Set([..."abc é😀", ...merges.flatMap(([a, b]) => [a, b, a + b])]);
  const tokenizer = new Tokenizer(
    {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: "BPE", vocab: Object.fromEntries([...pieces].map((p, i) => [p, i])), merges },
    },
    {},
  );
  return tokenizer.tokenize(word);
}

describe("byte-pair encoding", () => {
  it("merges the most urgent pair first, leftmost among equals", () => {
    // "aaab": "a a" comes first and takes the left pair -> "aa","a","b"; then "a b" -> "aa","ab".
    const encode = bytePairEncoder([
      ["a", "a"],
      ["a", "b"],
    ]);
    expect(encode("aaab")).toEqual(["aa", "ab"]);
    // With the ranks exchanged: "a b" first -> "a","a","ab", then "a a" -> "aa","ab". And "aab" -> "a","ab".
    expect(
      bytePairEncoder([
        ["a", "b"],
        ["a", "a"],
      ])("aab"),
    ).toEqual(["a", "ab"]);
    expect(encode("aab")).toEqual(["aa", "b"]);
  });

  it("gives the same pieces as the library's encoder", () => {
    fc.assert(
      fc.property(mergeList, letters, (pairs, word) => {
        // A vocabulary lists each merge once.
        const merges = [...new Map(pairs.map((pair) => [JSON.stringify(pair), pair])).values()];
        expect(bytePairEncoder(merges)(word)).toEqual(libraryPieces(merges, word));
      }),
      { numRuns: 500 },
    );
  });

  it("loses no character", () => {
    fc.assert(
      fc.property(mergeList, letters, (merges, word) => {
        expect(bytePairEncoder(merges)(word).join("")).toBe(word);
      }),
    );
  });
});

import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytePairs } from "../../../../src/training/data/tokenizer/pipeline/byte-pairs.ts";

const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", " ", "é", "😀"), maxLength: 60 });
const part = fc.string({ unit: fc.constantFrom("a", "b", "c", " "), minLength: 1, maxLength: 3 });
const mergeList = fc.array(fc.tuple(part, part), { maxLength: 30 });
type Merges = readonly (readonly [string, string])[];

/** The letters of the tests, and all that their merges take or make. */
function vocabularyOf(merges: Merges): readonly string[] {
  return [...new Set([..."abc é😀", ...merges.flatMap(([a, b]) => [a, b, a + b])])];
}

/** Byte-pair encoding with this vocabulary, as pieces. */
function bytePairEncoder(merges: Merges): (word: string) => readonly string[] {
  const pieces = vocabularyOf(merges);
  const vocab = new Map(pieces.map((piece, id) => [piece, id]));
  const encode = bytePairs({ vocab, merges });
  return (word) => encode(word).map((id) => pieces[id] ?? "");
}

/** The JavaScript library's own encoder with the same merges. */
function libraryPieces(merges: Merges, word: string): string[] {
  const tokenizer = new Tokenizer(
    {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: {
        type: "BPE",
        vocab: Object.fromEntries(vocabularyOf(merges).map((p, i) => [p, i])),
        merges,
      },
    },
    {},
  );
  return tokenizer.tokenize(word);
}

/** One way to each piece: of two ways the libraries take different ones; components.json has that of the Rust library. */
function listedOnce(pairs: Merges): Merges {
  const once = new Map(pairs.map((pair) => [pair.join(""), pair]));
  return [...once.values()];
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
        const merges = listedOnce(pairs);
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

  it("refuses a merge that its vocabulary does not have", () => {
    const vocab = new Map([
      ["a", 0],
      ["b", 1],
    ]);
    expect(() => bytePairs({ vocab, merges: [["a", "b"]] })).toThrow("not in the vocabulary");
  });
});

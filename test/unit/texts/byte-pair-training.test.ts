import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { BYTE_CHARACTERS, trainBytePairs } from "../../../scripts/byte-pair-training.ts";
import { tokenizerJson } from "../../../scripts/tokenizer-files.ts";
import { loadTokenizer, type Tokenizer } from "../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder, TINY_CONFIG } from "../training/files/tiny-model.ts";

const TEXTS = ["the cat sat on the mat", "the hat of the cat", "a cat and a rat"];

describe("training of byte pairs", () => {
  it("merges the commonest pair first, the smaller one among equals", () => {
    // Words with their counts: Ġthe 4 (" the" at the start of two texts too), Ġcat 3, Ġsat Ġon Ġmat Ġhat Ġof Ġand
    // Ġrat 1, Ġa 2. Pairs: "a t" in cat 3, sat, mat, hat, rat = 7; "Ġ t" 4; "t h" 4; "h e" 4.
    expect(trainBytePairs(TEXTS, 257)).toEqual([["a", "t"]]);
    // Then h e, t h, Ġ t (4 each): "h e" is the smallest in code unit order, and joins first.
    expect(trainBytePairs(TEXTS, 258)[1]).toEqual(["h", "e"]);
    expect(trainBytePairs(TEXTS, 259)[2]).toEqual(["t", "he"]);
  });

  it("ends when no pair occurs twice", () => {
    expect(trainBytePairs(["abc"], 300)).toEqual([]);
  });

  it("has 256 different printable characters for the bytes", () => {
    expect(new Set(BYTE_CHARACTERS).size).toBe(256);
    expect(BYTE_CHARACTERS[0x20]).toBe("Ġ");
    expect(BYTE_CHARACTERS[0x41]).toBe("A");
  });
});

describe("the tokenizer that is written", () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await inFolder(async (folder) => {
      const merges = trainBytePairs(TEXTS, 280);
      await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizerJson(merges)));
      await writeFile(
        join(folder, "config.json"),
        JSON.stringify({ ...TINY_CONFIG, vocab_size: 283 }),
      );
      return await loadTokenizer(folder);
    });
  });

  it("gives words that were learned one token", () => {
    expect(tokenizer.encode("the cat")).toHaveLength(2);
    expect(tokenizer.vocabSize).toBeLessThanOrEqual(283);
  });

  it("reads back any text, with the space that it puts before", () => {
    const text = fc.string({ unit: "grapheme", minLength: 1 }).filter((t) => !/^\s|<\|/.test(t));
    fc.assert(
      fc.property(text, (written) => {
        expect(tokenizer.decode(tokenizer.encode(written))).toBe(` ${written}`);
      }),
    );
  });
});

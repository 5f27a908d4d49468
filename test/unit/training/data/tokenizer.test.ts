import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_SEPARATOR } from "../../../../src/training/data/examples/separator.ts";
import {
  loadTokenizer,
  type Tokenizer,
} from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder, TINY_TOKENIZER, writeTinyModel } from "../files/tiny-model.ts";

async function tinyTokenizer(
  changes: Parameters<typeof writeTinyModel>[1] = {},
): Promise<Tokenizer> {
  return await inFolder(async (folder) => {
    await writeTinyModel(folder, { ...changes, weights: null });
    return await loadTokenizer(folder);
  });
}

describe("a tokenizer", () => {
  it("encodes without adding tokens and decodes without special ones", async () => {
    const tokenizer = await tinyTokenizer();
    // abc = 11, space = 8, ab = 10, d = 6
    expect(tokenizer.encode("abc abd")).toEqual([11, 8, 10, 6]);
    expect(tokenizer.decode([1, 11, 8, 10, 6, 2])).toBe("abc abd");
    expect(tokenizer.encode("")).toEqual([]);
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer).toMatchObject({ vocabSize: 12, bosId: 1, eosId: 2 });
  });

  it("gives the unknown token for what it does not have, and says so when there is none", async () => {
    expect((await tinyTokenizer()).encode("z")).toEqual([0]);
    const model = { ...TINY_TOKENIZER.model, unk_token: "<gone>" };
    const without = await tinyTokenizer({ tokenizer: { ...TINY_TOKENIZER, model } });
    expect(() => without.encode("a z")).toThrow(/no token for a part of the text$/);
  });

  it("takes BOS and EOS from config.json, not from their text", async () => {
    const tokenizer = await tinyTokenizer({ config: { bos_token_id: 5, eos_token_id: [7, 2] } });
    expect(tokenizer).toMatchObject({ bosId: 5, eosId: 7 });
  });

  it("has a digest that follows tokenizer.json alone", async () => {
    const { digest } = await tinyTokenizer();
    expect((await tinyTokenizer({ config: { rope_theta: 5 } })).digest).toBe(digest);
    expect(
      (await tinyTokenizer({ tokenizer: { ...TINY_TOKENIZER, version: "2" } })).digest,
    ).not.toBe(digest);
  });

  it("is refused when it can give ids that the embedding does not have", async () => {
    await expect(tinyTokenizer({ config: { vocab_size: 11 } })).rejects.toThrow(
      /gives ids up to 11, the model's vocabulary ends at 10/,
    );
  });

  it("is refused when it is missing, not JSON, or of an unknown kind", async () => {
    await inFolder(async (folder) => {
      await writeTinyModel(folder, { weights: null });
      await rm(join(folder, "tokenizer_config.json"));
      expect((await loadTokenizer(folder)).vocabSize).toBe(12);
      await writeFile(join(folder, "tokenizer.json"), "{");
      await expect(loadTokenizer(folder)).rejects.toThrow(/not valid JSON/);
      await rm(join(folder, "tokenizer.json"));
      await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json is missing/);
    });
    const strange = { ...TINY_TOKENIZER, pre_tokenizer: { type: "Magic" } };
    await expect(tinyTokenizer({ tokenizer: strange })).rejects.toThrow(/cannot be used: .*Magic/);
  });
});

const real = join("..", "shared", "data", "tinystories-656k", "hf-original-bf16");
describe("the tokenizer of the real 656K model", () => {
  it.skipIf(!existsSync(real))(
    "knows the separator and reads back what it encodes (needs ../shared/data)",
    async () => {
      const tokenizer = await loadTokenizer(real);
      const ids = tokenizer.encode(`how soon should i replace my tires${DEFAULT_SEPARATOR}`);
      expect(ids).not.toContain(0);
      expect(tokenizer.decode(ids)).toBe("how soon should i replace my tires :");
      expect(tokenizer).toMatchObject({ vocabSize: 2048, bosId: 1, eosId: 2 });
    },
  );
});

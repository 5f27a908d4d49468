import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { encodePrompt } from "../../../../src/training/data/examples/encode.ts";
import type { Tokenizer } from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { tinyTokenizer } from "./data-files.ts";

/** Small tokenizers of each family, with what the Python library makes of difficult text; see make.py beside them. */
const FIXTURES = join("test", "fixtures", "tokenizers");
const ids = z.array(z.number());
const fixtureSchema = z.object({
  tokenizer: z.record(z.string(), z.unknown()),
  cases: z.array(z.object({ text: z.string(), ids, whole: ids, decoded: z.string() })),
});

const NAMES = [
  ...["bert-cased", "bert-uncased", "roberta", "gpt2", "llama2", "llama3", "mistral", "qwen2"],
  ...["unigram", "unigram-bytes"],
];
const families = NAMES.map((name) => {
  const text = readFileSync(join(FIXTURES, `${name}.json`), "utf8");
  return { name, ...fixtureSchema.parse(JSON.parse(text)) };
});

const CONFIG = { model_type: "other", vocab_size: 4096, bos_token_id: 1, eos_token_id: 2 };
const load = async (tokenizer: unknown): Promise<Tokenizer> =>
  await tinyTokenizer({ tokenizer, config: CONFIG }, { "tokenizer_config.json": "{}" });

describe("a tokenizer gives the ids of the Python library", () => {
  it.each(families)("$name", async ({ tokenizer: description, cases }) => {
    const tokenizer = await load(description);
    const { before, after } = tokenizer.around;
    for (const { text, ids: expected, whole, decoded } of cases) {
      expect([text, tokenizer.encode(text)]).toEqual([text, expected]);
      // Once more, now that its words are remembered.
      expect([text, tokenizer.encode(text)]).toEqual([text, expected]);
      expect([text, [...before, ...expected, ...after]]).toEqual([text, whole]);
      expect([text, tokenizer.decode(expected)]).toEqual([text, decoded]);
    }
    expect(cases.length).toBeGreaterThan(40);
  });

  it("as a control, not without its ten first merges", async () => {
    const gpt2 = families.find(({ name }) => name === "gpt2");
    const parts = z.object({ model: z.object({ merges: z.array(z.unknown()) }).loose() }).loose();
    const whole = parts.parse(gpt2?.tokenizer);
    const model = { ...whole.model, merges: whole.model.merges.slice(10) };
    const tokenizer = await load({ ...whole, model });
    const differs = gpt2?.cases.filter(
      ({ text, ids: expected }) => tokenizer.encode(text).join() !== expected.join(),
    );
    expect(differs?.length).toBeGreaterThan(3);
  });
});

describe("the ids around a text", () => {
  // Without a post-processor, which would say what stands before a text; see tokenizer-settings.test.ts.
  const family = { tokenizer: { ...families[0]?.tokenizer, post_processor: null } };

  it("have no BOS where the model's makers put none", async () => {
    const settings = { "tokenizer_config.json": JSON.stringify({ add_bos_token: false }) };
    const options = { tokenizer: family.tokenizer, config: CONFIG };
    const without = await tinyTokenizer(options, settings);
    expect([without.bosId, without.eosId]).toEqual([null, 2]);
    expect(encodePrompt(without, "a", "text")).toEqual(without.encode("a"));
    // There must be something to go on from.
    expect(encodePrompt(without, "", "text")).toEqual([2]);
    expect((await tinyTokenizer(options)).bosId).toBe(1);
  });

  it("are null for a model whose config.json names none, and taken from its text part where it has one", async () => {
    const none = { bos_token_id: null, eos_token_id: null };
    const bert = await tinyTokenizer({
      tokenizer: family.tokenizer,
      config: { ...CONFIG, ...none },
    });
    expect([bert.bosId, bert.eosId]).toEqual([null, null]);
    const llama = { ...CONFIG, ...none, model_type: "llama" };
    const without = await tinyTokenizer({ tokenizer: family.tokenizer, config: llama });
    expect([without.bosId, without.eosId]).toEqual([null, null]);
    // Its classes differ in what they mean by silence: here 32000 is outside of the vocabulary.
    const silent = { ...CONFIG, bos_token_id: undefined, eos_token_id: undefined };
    const mistral = { ...silent, model_type: "mistral" };
    const usual = await tinyTokenizer({ tokenizer: family.tokenizer, config: mistral });
    expect([usual.bosId, usual.eosId]).toEqual([1, 2]);
    // That of GPT-NeoX, which takes byte pairs, puts nothing before a text.
    const neox = { ...silent, model_type: "gpt_neox" };
    const gpt2 = families.find(({ name }) => name === "gpt2")?.tokenizer;
    const pythia = await tinyTokenizer({ tokenizer: gpt2, config: neox });
    expect([pythia.bosId, pythia.eosId]).toEqual([null, 2]);
    const phi3 = { ...silent, model_type: "phi3" };
    await expect(tinyTokenizer({ tokenizer: family.tokenizer, config: phi3 })).rejects.toThrow(
      "32000 outside",
    );
    const nested = { ...none, vocab_size: 2, text_config: CONFIG };
    const images = await tinyTokenizer({ tokenizer: family.tokenizer, config: nested });
    expect([images.bosId, images.eosId]).toEqual([1, 2]);
  });
});

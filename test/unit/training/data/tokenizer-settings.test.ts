import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { tinyTokenizer } from "./data-files.ts";

/** Settings beside tokenizer.json with the ids of AutoTokenizer of transformers 5; see settings.py beside the file. */
const ids = z.array(z.number());
const schema = z.object({
  texts: z.array(z.string()),
  tokenizers: z.array(z.looseObject({})),
  settings: z.array(
    z.object({
      name: z.string(),
      tokenizer: z.number(),
      files: z.record(z.string(), z.unknown()),
      config: z.record(z.string(), z.unknown()),
      ids: z.array(ids),
      around: z.object({ before: ids, after: ids }),
    }),
  ),
});
const file = join("test", "fixtures", "tokenizers", "settings.json");
const recorded = schema.parse(JSON.parse(readFileSync(file, "utf8")));
type Settings = (typeof recorded.settings)[number];

async function load({ tokenizer, files, config }: Omit<Settings, "ids" | "around">) {
  const texts = Object.entries(files).map(([name, content]) => [name, JSON.stringify(content)]);
  const options = { tokenizer: recorded.tokenizers[tokenizer], config };
  return await tinyTokenizer(options, Object.fromEntries(texts));
}

function named(name: string): Settings {
  const found = recorded.settings.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no settings ${name}`);
  return found;
}

describe("the settings beside tokenizer.json give the ids of AutoTokenizer", () => {
  it.each(recorded.settings)("$name", async (settings) => {
    const tokenizer = await load(settings);
    expect(recorded.texts.map((text) => [text, tokenizer.encode(text)])).toEqual(
      recorded.texts.map((text, i) => [text, settings.ids[i]]),
    );
    expect(tokenizer.around).toEqual(settings.around);
  });

  it("and other ones than the file alone (control)", async () => {
    const alone = await load({ ...named("only in the settings"), files: {} });
    const [text = ""] = recorded.texts;
    expect(alone.encode(text)).not.toEqual(named("only in the settings").ids[0]);
  });
});

describe("a tokenizer's identity", () => {
  it("follows what its settings change, and nothing else in them", async () => {
    const settings = named("only in the settings");
    const digest = async (files: object) =>
      (await load({ ...settings, files: { "tokenizer_config.json": files } })).digest;
    const plain = await digest({});
    expect(await digest({ clean_up_tokenization_spaces: true })).toBe(plain);
    expect(await digest({ additional_special_tokens: ["<|tool|>"] })).not.toBe(plain);
    expect(await digest({ split_special_tokens: true })).not.toBe(plain);
    expect(await digest({ tokenizer_class: "Qwen2Tokenizer" })).not.toBe(plain);
  });
});

describe("settings that do not go together", () => {
  it("are refused when a class makes another kind of model", async () => {
    const bert = {
      ...named("GPT2"),
      files: { "tokenizer_config.json": { tokenizer_class: "BertTokenizer" } },
    };
    await expect(
      load({ ...bert, config: { ...bert.config, model_type: "llama" } }),
    ).rejects.toThrow(/cannot be used: BertTokenizer takes a WordPiece model, this is BPE$/);
  });

  it("are refused when a file is damaged", async () => {
    const settings = { added_tokens_decoder: { first: { content: "a" } } };
    await expect(
      load({ ...named("only in the settings"), files: { "tokenizer_config.json": settings } }),
    ).rejects.toThrow(/tokenizer_config\.json is not as expected: added_tokens_decoder/);
  });

  it("are refused for a text that asks for a token which the model does not have, and for no other", async () => {
    const settings = named("a new token for padding");
    const added = settings.ids[0]?.[0] ?? 0;
    const small = await load({ ...settings, config: { ...settings.config, vocab_size: added } });
    expect(small.encode("weather")).toEqual((await load(settings)).encode("weather"));
    expect(() => small.encode("a <|tool|>")).toThrow(
      `has token ${added} for a part of the text, the model's vocabulary ends at ${added - 1}`,
    );
  });
});

describe("the token before a text", () => {
  const process = (before: readonly string[]) => ({
    type: "TemplateProcessing",
    single: [
      ...before.map((id) => ({ SpecialToken: { id, type_id: 0 } })),
      { Sequence: { id: "A", type_id: 0 } },
    ],
    special_tokens: { "</s>": { ids: [2] }, "<s>": { ids: [1] } },
  });
  const [plain] = recorded.tokenizers;
  const bosOf = async (post_processor: unknown, settings: object, config: object = {}) => {
    const options = {
      tokenizer: { ...plain, post_processor },
      config: { vocab_size: 512, ...config },
    };
    return (await tinyTokenizer(options, { "tokenizer_config.json": JSON.stringify(settings) }))
      .bosId;
  };

  it("is the one that the post-processor puts there, whatever the settings say", async () => {
    expect(await bosOf(process(["<s>"]), {})).toBe(1);
    expect(await bosOf(process(["</s>"]), {})).toBe(2);
    expect(await bosOf(process(["<s>"]), { add_bos_token: false })).toBe(1);
    expect(await bosOf(process([]), {})).toBeNull();
    expect(await bosOf(process([]), { add_bos_token: true })).toBeNull();
    expect(await bosOf({ type: "ByteLevel" }, {})).toBeNull();
  });

  it("is none for a class that puts none, and that of config.json where nothing says it", async () => {
    const neox = { tokenizer_class: "GPTNeoXTokenizer" };
    expect(await bosOf(process(["<s>"]), neox, { model_type: "gpt_neox" })).toBeNull();
    expect(await bosOf(null, {})).toBe(1);
    expect(await bosOf(null, { add_bos_token: false })).toBeNull();
  });

  it("is one, or the tokenizer is refused", async () => {
    await expect(bosOf(process(["<s>", "</s>"]), {})).rejects.toThrow(
      /puts 2 tokens before a text$/,
    );
  });
});

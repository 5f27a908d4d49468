import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readPipeline } from "../../../../src/training/data/tokenizer/pipeline/pipeline.ts";
import { TINY_TOKENIZER } from "../files/tiny-model.ts";
import { tinyTokenizer } from "./data-files.ts";

const read = (changes: object) =>
  readPipeline({ ...TINY_TOKENIZER, ...changes }, { added: [], splitsSpecial: false });
const model = (changes: object) => ({ model: { ...TINY_TOKENIZER.model, ...changes } });
const split = (Regex: string) => ({
  pre_tokenizer: { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false },
});
const template = (single: readonly object[]) => ({
  post_processor: { type: "TemplateProcessing", single, special_tokens: { "<s>": { ids: [1] } } },
});
const A = { Sequence: { id: "A", type_id: 0 } };
const BOS = { SpecialToken: { id: "<s>", type_id: 0 } };
const roberta = { type: "RobertaProcessing", sep: ["</s>", 2], cls: ["<s>", 1] };

/** What cannot be had as the Rust library has it, with the words that name it. */
const REFUSED: readonly (readonly [what: string, changes: object])[] = [
  ["the pre-tokenizer UnicodeScripts is not known", { pre_tokenizer: { type: "UnicodeScripts" } }],
  ["the normalizer Magic is not known", { normalizer: { type: "Magic" } }],
  ["the decoder Magic is not known", { decoder: { type: "Magic" } }],
  ["the post-processor Magic is not known", { post_processor: { type: "Magic" } }],
  ["the model Magic is not known", model({ type: "Magic" })],
  ["the model BPE: dropout drops merges by chance", model({ dropout: 0.1 })],
  ["piece that is not in the vocabulary", model({ merges: ["a e"] })],
  ["the model Unigram: vocab", model({ type: "Unigram", vocab: [] })],
  ["unk_id lies outside", model({ type: "Unigram", vocab: [["a", -1]], unk_id: 1 })],
  ["the pre-tokenizer FixedLength: length", { pre_tokenizer: { type: "FixedLength", length: 0 } }],
  [
    "the pre-tokenizer Punctuation: behavior",
    { pre_tokenizer: { type: "Punctuation", behavior: "Sideways" } },
  ],
  [
    "Metaspace contradicts itself",
    { pre_tokenizer: { type: "Metaspace", replacement: "_", add_prefix_space: false } },
  ],
  [
    "table of the normalizer Precompiled",
    { normalizer: { type: "Precompiled", precompiled_charsmap: "AAAA" } },
  ],
  ["(?i:é)", split("(?i:é)")],
  ["(?i:ss)", split("(?i:ss)")],
  ["(?i:\\p{L})", split("(?i:\\p{L})")],
  ["(?m:", split("(?m:a.b)")],
  ["(?i)", split("(?i)a")],
  ["(?~a", split("(?~a)")],
  ["\\G", split("\\Ga")],
  ["{2}?", split("a{2}?")],
  ["\\1 beside an atomic group", split("(a)\\1(?>b)")],
  ["Extended_Pictographic", split("\\p{Extended_Pictographic}")],
  ["Invalid regular expression", split("\\X")],
  ["asks for a second text", template([A, { Sequence: { id: "B", type_id: 1 } }])],
  ["does not have the text once", template([BOS])],
  ["does not have the text once", template([A, A])],
  ["names a token that it does not list", template([{ SpecialToken: { id: "<x>" } }, A])],
  ["adds tokens twice", { post_processor: { type: "Sequence", processors: [roberta, roberta] } }],
  [
    "leaves nothing of an added token",
    {
      normalizer: { type: "Strip", strip_left: true, strip_right: true },
      added_tokens: [{ id: 12, content: " ", normalized: true }],
    },
  ],
];

describe("a tokenizer that cannot be had as the Rust library has it", () => {
  it.each(REFUSED)("is refused: %s", (what, changes) => {
    expect(() => read(changes)).toThrow(what);
  });

  it("is named in one line, with its file", async () => {
    const strange = { ...TINY_TOKENIZER, pre_tokenizer: { type: "UnicodeScripts" } };
    const said = await tinyTokenizer({ tokenizer: strange }).then(
      () => "",
      (error: unknown) => z.instanceof(Error).parse(error).message,
    );
    expect(said).toMatch(
      /^\S+tokenizer\.json describes a tokenizer that cannot be used: the pre-tokenizer UnicodeScripts is not known$/,
    );
  });

  it("is not what these are (control)", () => {
    expect(read({}).encode("abc")).toEqual([11]);
    expect(read(split("(?i:the|k)(?>a+)b{2,3}?|[[:alpha:]&&[^b]]")).encode("a b")).toEqual([
      3, 8, 4,
    ]);
    expect(read(template([BOS, A])).around).toEqual({ before: [1], after: [] });
  });
});

describe("ids of added tokens", () => {
  it("follow the vocabulary as the Rust library numbers them, whatever the file says", () => {
    const added = [
      { id: 40, content: "<new>", special: true, normalized: false },
      { id: 7, content: "a", normalized: false },
    ];
    // The vocabulary ends at 11; "a" is in it.
    expect(read({ added_tokens: added }).encode("<new>a")).toEqual([12, 3]);
    expect(read({ added_tokens: added }).size).toBe(13);
  });
});

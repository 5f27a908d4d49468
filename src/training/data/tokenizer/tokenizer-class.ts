import { z } from "zod";

/*
 * Some classes of transformers 5 take vocabulary, merges and post-processor from tokenizer.json, and make everything else
 * themselves. AutoTokenizer takes the class that tokenizer_config.json names, or that of the model's type.
 */

type Settings = Readonly<Record<string, unknown>>;

type Parts = Settings & { readonly model: Settings };

export interface TokenizerClass {
  readonly name: string;
  /** The tokens that it has where the settings name none. */
  readonly defaults: Readonly<Record<string, string>> & { readonly unk_token: string };
  /** The parts that it makes itself. */
  readonly parts: Parts;
  /** The names of the tokens that it puts before and after a text; null where tokenizer.json says. */
  readonly around: readonly [before: string, after: string] | null;
}

const GENERIC = new Set(["TokenizersBackend", "PreTrainedTokenizerFast", "PreTrainedTokenizer"]);
/** The class of a model's type, of those that Klatch knows. */
const OF_TYPE: Readonly<Record<string, string>> = {
  ...{ qwen2: "Qwen2Tokenizer", qwen3: "Qwen2Tokenizer" },
  ...{ gemma2: "GemmaTokenizer", gemma3: "GemmaTokenizer", gemma3_text: "GemmaTokenizer" },
  ...{ gpt2: "GPT2Tokenizer", gpt_neox: "GPTNeoXTokenizer", bert: "BertTokenizer" },
  ...{ roberta: "RobertaTokenizer", "xlm-roberta": "XLMRobertaTokenizer" },
  ...{ mistral: "TokenizersBackend", phi3: "TokenizersBackend" },
};
/** Types whose settings are known to name the wrong class. */
const WRONGLY_NAMED = new Set(["qwen2", "phi3"]);

const settingsSchema = z.looseObject({
  ...{ add_prefix_space: z.boolean().nullish(), legacy: z.boolean().nullish() },
  ...{ do_lower_case: z.boolean().default(true), strip_accents: z.boolean().nullish() },
  tokenize_chinese_chars: z.boolean().default(true),
});
const declaredSchema = z.looseObject({
  tokenizer_class: z.string().nullish(),
  unk_token: z.union([z.string(), z.object({ content: z.string() })]).nullish(),
});
type ClassSettings = z.infer<typeof settingsSchema>;

const QWEN2_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const MARK = "\u2581";
const byteLevel = (add_prefix_space: boolean, use_regex = true) => ({
  ...{ type: "ByteLevel", add_prefix_space, use_regex },
});
const sequence = (kind: string, ...parts: readonly object[]) => ({
  type: "Sequence",
  [kind]: parts,
});
const replace = (from: string, content: string) => ({
  ...{ type: "Replace", pattern: { String: from }, content },
});
const metaspace = (prepend_scheme: string, split: boolean) => ({
  ...{ type: "Metaspace", replacement: MARK, prepend_scheme, split },
});
const bytePairs = (changes: Settings = {}) => ({
  ...{ type: "BPE", unk_token: null, continuing_subword_prefix: "", end_of_word_suffix: "" },
  ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false, dropout: null, ...changes },
});
const text = ["<s>", "</s>", "<unk>", "<pad>"] as const;

function gpt2(settings: ClassSettings): Parts {
  const level = byteLevel(settings.add_prefix_space ?? false);
  return { model: bytePairs(), normalizer: null, pre_tokenizer: level, decoder: level };
}

/** Decoders of SentencePiece's byte pairs; the last one takes the space that began the text. */
const pieces = (...last: readonly object[]) =>
  sequence("decoders", replace(MARK, " "), { type: "ByteFallback" }, { type: "Fuse" }, ...last);

interface Kind {
  readonly defaults: TokenizerClass["defaults"];
  /** The type of the models that it can take its vocabulary from. */
  readonly model: string;
  readonly around?: readonly [before: string, after: string];
  make(settings: ClassSettings, unkToken: string, ofFile: unknown): Parts;
}

const normalizerSchema = z.looseObject({
  type: z.string(),
  normalizers: z.array(z.looseObject({ type: z.string() })).default([]),
});

/** The table of replacements among the normalizers of a file; the class takes nothing else of them. */
function precompiledOf(normalizer: unknown): unknown {
  const { data } = normalizerSchema.safeParse(normalizer);
  const parts = data === undefined ? [] : [data, ...data.normalizers];
  return parts.find(({ type }) => type === "Precompiled") ?? null;
}

const CLASSES: Readonly<Record<string, Kind>> = {
  LlamaTokenizer: {
    defaults: { bos_token: text[0], eos_token: text[1], unk_token: text[2] },
    model: "BPE",
    make({ add_prefix_space, legacy }) {
      const prefixed = legacy ? "always" : "first";
      const scheme = (add_prefix_space ?? true) ? prefixed : "never";
      const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
      return {
        model: bytePairs({ fuse_unk: true, byte_fallback: true }),
        normalizer: null,
        pre_tokenizer: metaspace(scheme, false),
        decoder: scheme === "never" ? pieces() : pieces(strip),
      };
    },
  },
  GemmaTokenizer: {
    defaults: {
      ...{ bos_token: "<bos>", eos_token: "<eos>", unk_token: "<unk>", pad_token: "<pad>" },
      mask_token: "<mask>",
    },
    model: "BPE",
    make: (_, unk_token) => ({
      model: bytePairs({ unk_token, fuse_unk: true, byte_fallback: true }),
      normalizer: replace(" ", MARK),
      pre_tokenizer: {
        ...{
          type: "Split",
          pattern: { String: " " },
          behavior: "MergedWithPrevious",
          invert: false,
        },
      },
      decoder: pieces(),
    }),
  },
  Qwen2Tokenizer: {
    defaults: {
      ...{ eos_token: "<|endoftext|>", unk_token: "<|endoftext|>", pad_token: "<|endoftext|>" },
    },
    model: "BPE",
    make(settings) {
      const level = byteLevel(settings.add_prefix_space ?? false, false);
      const words = {
        type: "Split",
        pattern: { Regex: QWEN2_WORDS },
        behavior: "Isolated",
        invert: false,
      };
      return {
        model: bytePairs(),
        normalizer: { type: "NFC" },
        pre_tokenizer: sequence("pretokenizers", words, level),
        decoder: level,
      };
    },
  },
  GPT2Tokenizer: {
    defaults: {
      ...{ bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", unk_token: "<|endoftext|>" },
    },
    model: "BPE",
    make: gpt2,
  },
  GPTNeoXTokenizer: {
    defaults: {
      ...{ bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", unk_token: "<|endoftext|>" },
      pad_token: "<|padding|>",
    },
    model: "BPE",
    make: (settings) => ({
      ...gpt2(settings),
      normalizer: { type: "NFC" },
      post_processor: { type: "ByteLevel" },
    }),
  },
  RobertaTokenizer: {
    defaults: {
      ...{ bos_token: text[0], eos_token: text[1], unk_token: text[2], sep_token: text[1] },
      ...{ pad_token: text[3], cls_token: text[0], mask_token: "<mask>" },
    },
    model: "BPE",
    around: ["cls_token", "sep_token"],
    make: gpt2,
  },
  BertTokenizer: {
    defaults: {
      ...{ unk_token: "[UNK]", sep_token: "[SEP]", pad_token: "[PAD]", cls_token: "[CLS]" },
      mask_token: "[MASK]",
    },
    model: "WordPiece",
    around: ["cls_token", "sep_token"],
    make: (settings, unk_token) => ({
      model: {
        ...{ type: "WordPiece", unk_token, continuing_subword_prefix: "##" },
        max_input_chars_per_word: 100,
      },
      normalizer: {
        ...{ type: "BertNormalizer", clean_text: true, lowercase: settings.do_lower_case },
        handle_chinese_chars: settings.tokenize_chinese_chars,
        strip_accents: settings.strip_accents,
      },
      pre_tokenizer: { type: "BertPreTokenizer" },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    }),
  },
  XLMRobertaTokenizer: {
    defaults: {
      ...{ bos_token: text[0], eos_token: text[1], unk_token: text[2], sep_token: text[1] },
      ...{ pad_token: text[3], cls_token: text[0], mask_token: "<mask>" },
    },
    model: "Unigram",
    around: ["bos_token", "eos_token"],
    make({ add_prefix_space }, _, ofFile) {
      const scheme = (add_prefix_space ?? true) ? "always" : "never";
      return {
        normalizer: precompiledOf(ofFile),
        model: { type: "Unigram", unk_id: 3, byte_fallback: false },
        pre_tokenizer: sequence(
          "pretokenizers",
          { type: "WhitespaceSplit" },
          metaspace(scheme, true),
        ),
        decoder: metaspace(scheme, true),
      };
    },
  },
};

const withoutFast = (name: string) => name.replace(/Fast$/, "");

/** The name of the class that AutoTokenizer takes; null for the general one, which takes tokenizer.json as it is. */
function chosenName(
  modelType: string,
  declared: string | undefined,
  isByteLevel: boolean,
): string | null {
  const registered = Object.hasOwn(OF_TYPE, modelType) ? OF_TYPE[modelType] : undefined;
  const named = declared === undefined ? undefined : withoutFast(declared);
  if (named === "LlamaTokenizer" && isByteLevel && !WRONGLY_NAMED.has(modelType)) return null;
  if (registered === undefined || named === undefined || named === registered) {
    return named ?? registered ?? null;
  }
  if (GENERIC.has(registered)) return null;
  return WRONGLY_NAMED.has(modelType) ? registered : named;
}

/**
 * The class that AutoTokenizer of transformers 5 would take, where it makes parts of its own.
 *
 * @param file the content of tokenizer.json
 * @param settings tokenizer_config.json
 * @returns null where tokenizer.json counts as it is
 * @throws Error when the class makes a model of another kind than the file has
 */
export function tokenizerClass(
  file: {
    readonly model: { readonly type?: unknown };
    readonly normalizer?: unknown;
    readonly added_tokens?: unknown;
  },
  settings: object,
  config: { readonly modelType: string; readonly tokenizerClass: string | undefined },
): TokenizerClass | null {
  const { tokenizer_class, unk_token } = declaredSchema.parse(settings);
  const declared = tokenizer_class ?? config.tokenizerClass;
  const { model, added_tokens, ...others } = file;
  const isByteLevel = JSON.stringify(others).includes('"ByteLevel"');
  const name = chosenName(config.modelType, declared, isByteLevel);
  const kind = name !== null && Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (name === null || kind === undefined) return null;
  const type = model.type ?? kind.model;
  if (type !== kind.model) throw new Error(`${name} takes a ${kind.model} model, this is ${type}`);
  const { defaults } = kind;
  const given = typeof unk_token === "string" ? unk_token : unk_token?.content;
  const unkToken = given ?? defaults.unk_token;
  const parts = kind.make(settingsSchema.parse(settings), unkToken, file.normalizer);
  return { name, defaults, parts, around: kind.around ?? null };
}

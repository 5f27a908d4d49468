import { z } from "zod";
import { byteCharacters } from "./bytes.ts";
import { MARKS, NON_SPACING_MARKS, normalForm } from "./older-unicode.ts";
import { type Kinds, makePart } from "./part.ts";
import { compilePattern, findAll, patternSchema, replaceAll } from "./patterns.ts";
import { precompiledNormalizer } from "./precompiled.ts";

/** Brings a text to the form that a vocabulary was made for. */
export interface Normalizer {
  normalize(text: string): string;
  /** Whether the result begins with what the first character of the text became. */
  keepsStart(text: string): boolean;
}

const replaceSchema = z.object({ pattern: patternSchema, content: z.string() });
const stripSchema = z.object({ strip_left: z.boolean(), strip_right: z.boolean() });
const bertSchema = z.object({
  clean_text: z.boolean(),
  handle_chinese_chars: z.boolean(),
  strip_accents: z.boolean().nullish(),
  lowercase: z.boolean(),
});

/** Chinese characters as BERT has them, each a word. */
const CHINESE =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;
/** What BERT drops, by the tables of Unicode 8. */
const CONTROL =
  /(?![\t\n\r\u0890\u0891\u08e2\u{110cd}\u{13430}-\u{1343f}])[\p{Cc}\p{Cf}\p{Co}\ufffd]/gu;
const NMT_DROPPED = /(?![\0\t\n\f\r\u0080-\u008e\u0090-\u009e])\p{Cc}/gu;
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;
const SPACE = /\p{White_Space}/gu;
const LEADING_SPACE = /^\p{White_Space}+/u;
const TRAILING_SPACE = /\p{White_Space}+$/u;

/** Maps one character after another. */
const keeping = (normalize: (text: string) => string): Normalizer => ({
  normalize,
  keepsStart: () => true,
});

/** Drops characters, perhaps the first. */
const dropping = (regex: RegExp): Normalizer => ({
  normalize: (text) => text.replace(regex, ""),
  keepsStart: (text) => text.search(regex) !== 0,
});

/** JavaScript knows the sigma that ends a word, which is written without a look at its neighbours here. */
const lowercase = (text: string) => text.replaceAll("Σ", "σ").toLowerCase();

function sequence(parts: readonly Normalizer[]): Normalizer {
  return {
    normalize: (text) => parts.reduce((before, part) => part.normalize(before), text),
    keepsStart(text) {
      let before = text;
      return parts.every((part) => {
        const keeps = part.keepsStart(before);
        before = part.normalize(before);
        return keeps;
      });
    },
  };
}

function strip({ strip_left, strip_right }: z.infer<typeof stripSchema>): Normalizer {
  return {
    normalize(text) {
      const rest = strip_left ? text.replace(LEADING_SPACE, "") : text;
      return strip_right ? rest.replace(TRAILING_SPACE, "") : rest;
    },
    keepsStart: (text) => !(strip_left && LEADING_SPACE.test(text)),
  };
}

function replace({ pattern, content }: z.infer<typeof replaceSchema>): Normalizer {
  const regex = compilePattern(pattern);
  return {
    normalize: (text) => replaceAll(text, regex, content),
    // New text stands where the last character that it replaces stood.
    keepsStart(text) {
      const [first] = findAll(text, regex);
      if (first?.start !== 0) return true;
      return content !== "" && [...text.slice(0, first.end)].length <= 1;
    },
  };
}

function bert(config: z.infer<typeof bertSchema>): Normalizer {
  const { clean_text, handle_chinese_chars, lowercase: lowers } = config;
  const strips = config.strip_accents ?? lowers;
  return sequence([
    ...(clean_text ? [dropping(CONTROL), keeping((text) => text.replace(SPACE, " "))] : []),
    ...(handle_chinese_chars ? [keeping((text) => text.replace(CHINESE, " $& "))] : []),
    ...(strips ? [keeping((text) => normalForm(text, "NFD")), dropping(NON_SPACING_MARKS)] : []),
    ...(lowers ? [keeping(lowercase)] : []),
  ]);
}

/** Every normalizer of tokenizer.json by its type. */
const KINDS: Kinds<Normalizer> = {
  NFC: () => keeping((text) => normalForm(text, "NFC")),
  NFD: () => keeping((text) => normalForm(text, "NFD")),
  NFKC: () => keeping((text) => normalForm(text, "NFKC")),
  NFKD: () => keeping((text) => normalForm(text, "NFKD")),
  Lowercase: () => keeping(lowercase),
  StripAccents: () => dropping(MARKS),
  ByteLevel: () => keeping(byteCharacters),
  Nmt: () => sequence([dropping(NMT_DROPPED), keeping((text) => text.replace(NMT_SPACES, " "))]),
  Strip: (config) => strip(stripSchema.parse(config)),
  Replace: (config) => replace(replaceSchema.parse(config)),
  BertNormalizer: (config) => bert(bertSchema.parse(config)),
  Prepend(config) {
    const { prepend } = z.object({ prepend: z.string() }).parse(config);
    return keeping((text) => (text === "" ? "" : prepend + text));
  },
  Precompiled(config) {
    const { precompiled_charsmap } = z.object({ precompiled_charsmap: z.string() }).parse(config);
    return keeping(precompiledNormalizer(precompiled_charsmap));
  },
  Sequence(config) {
    const { normalizers } = z.object({ normalizers: z.array(z.unknown()) }).parse(config);
    return sequence(normalizers.map((each) => readNormalizer(each)));
  },
};

/**
 * @param config the normalizer of a tokenizer.json, or null
 * @throws Error that names what is not known
 */
export function readNormalizer(config: unknown): Normalizer {
  if (config === null || config === undefined) return keeping((text) => text);
  return makePart("normalizer", KINDS, config);
}

import { z } from "zod";
import { byteCharacters } from "./bytes.ts";
import { PUNCTUATION } from "./older-unicode.ts";
import { type Kinds, makePart } from "./part.ts";
import { compilePattern, patternSchema, type Range } from "./patterns.ts";
import { type Behavior, behaviorSchema, split } from "./splitting.ts";

/** A part of a text that the model is asked for by itself. */
export interface Piece {
  readonly text: string;
  /** Whether it stands at the very beginning of the whole text. */
  readonly isFirst: boolean;
}
export type PreTokenizer = (piece: Piece) => readonly Piece[];

const SPACE = /\p{White_Space}/gu;
const NUMERIC = /\p{N}/gu;
const WORDS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;
/** The words of GPT-2. */
const GPT2 = compilePattern({
  Regex: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
});

const splitSchema = z.object({
  pattern: patternSchema,
  behavior: behaviorSchema,
  invert: z.boolean(),
});
const byteLevelSchema = z.object({
  add_prefix_space: z.boolean(),
  use_regex: z.boolean().default(true),
});
const metaspaceSchema = z.object({
  replacement: z.string().refine((text) => [...text].length === 1, "is one character"),
  prepend_scheme: z.enum(["always", "first", "never"]).default("always"),
  add_prefix_space: z.boolean().nullish(),
  split: z.boolean().nullish(),
});

function cut({ text, isFirst }: Piece, ranges: readonly Range[]): readonly Piece[] {
  return ranges.map(({ start, end }) => ({
    text: text.slice(start, end),
    isFirst: isFirst && start === 0,
  }));
}

const splitter =
  (regex: RegExp, behavior: Behavior, isInverted = false): PreTokenizer =>
  (piece) =>
    cut(piece, split(piece.text, regex, behavior, isInverted));

function sequence(parts: readonly PreTokenizer[]): PreTokenizer {
  return (piece) =>
    parts.reduce<readonly Piece[]>((pieces, part) => pieces.flatMap((each) => part(each)), [piece]);
}

function byteLevel(config: z.infer<typeof byteLevelSchema>): PreTokenizer {
  const words = splitter(GPT2, "Isolated");
  return ({ text, isFirst }) => {
    const whole = config.add_prefix_space && !text.startsWith(" ") ? ` ${text}` : text;
    const piece = { text: whole, isFirst };
    const pieces = config.use_regex ? words(piece) : [piece];
    return pieces.map((each) => ({ ...each, text: byteCharacters(each.text) }));
  };
}

function metaspace(config: z.infer<typeof metaspaceSchema>): PreTokenizer {
  const { replacement, prepend_scheme, add_prefix_space } = config;
  if (add_prefix_space === false && prepend_scheme !== "never") {
    throw new Error(
      "the pre-tokenizer Metaspace contradicts itself: add_prefix_space, prepend_scheme",
    );
  }
  const apart = splitter(compilePattern({ String: replacement }), "MergedWithNext");
  return ({ text, isFirst }) => {
    const marked = text.replaceAll(" ", replacement);
    const isMarked = prepend_scheme === "always" || (prepend_scheme === "first" && isFirst);
    const prefix = isMarked && !marked.startsWith(replacement) ? replacement : "";
    const piece = { text: prefix + marked, isFirst };
    return config.split === false ? [piece] : apart(piece);
  };
}

function fixedLength(length: number): PreTokenizer {
  const characters = new RegExp(`[\\s\\S]{1,${length}}`, "gu");
  return splitter(characters, "Isolated");
}

/** Every pre-tokenizer of tokenizer.json by its type. */
const KINDS: Kinds<PreTokenizer> = {
  Whitespace: () => splitter(WORDS, "Removed", true),
  WhitespaceSplit: () => splitter(SPACE, "Removed"),
  BertPreTokenizer: () => sequence([splitter(SPACE, "Removed"), splitter(PUNCTUATION, "Isolated")]),
  ByteLevel: (config) => byteLevel(byteLevelSchema.parse(config)),
  Metaspace: (config) => metaspace(metaspaceSchema.parse(config)),
  Split(config) {
    const { pattern, behavior, invert } = splitSchema.parse(config);
    return splitter(compilePattern(pattern), behavior, invert);
  },
  Punctuation(config) {
    const { behavior } = z.object({ behavior: behaviorSchema.default("Isolated") }).parse(config);
    return splitter(PUNCTUATION, behavior);
  },
  Digits(config) {
    const { individual_digits } = z.object({ individual_digits: z.boolean() }).parse(config);
    return splitter(NUMERIC, individual_digits ? "Isolated" : "Contiguous");
  },
  CharDelimiterSplit(config) {
    const { delimiter } = z.object({ delimiter: z.string() }).parse(config);
    return splitter(compilePattern({ String: delimiter }), "Removed");
  },
  FixedLength(config) {
    const { length } = z.object({ length: z.int().min(1).default(5) }).parse(config);
    return fixedLength(length);
  },
  Sequence(config) {
    const { pretokenizers } = z.object({ pretokenizers: z.array(z.unknown()) }).parse(config);
    return sequence(pretokenizers.map((each) => readPreTokenizer(each)));
  },
};

/**
 * @param config the pre-tokenizer of a tokenizer.json, or null
 * @throws Error that names what is not known
 */
export function readPreTokenizer(config: unknown): PreTokenizer {
  if (config === null || config === undefined) return (piece) => [piece];
  return makePart("pre-tokenizer", KINDS, config);
}

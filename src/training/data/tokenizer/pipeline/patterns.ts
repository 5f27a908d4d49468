import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { rewriteOniguruma } from "./oniguruma.ts";

/** What normalizers, pre-tokenizers and decoders look for: a text as it stands, or an expression of Oniguruma. */
export const patternSchema = z.union([
  z.object({ String: z.string() }),
  z.object({ Regex: z.string() }),
]);

/** Where something was found, in UTF-16 code units; the end is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * How the library writes `^`, and the end of a text. Oniguruma does not take the place after the last line break for the
 * start of a line, and V8 finds nothing on one side of a place within a surrogate pair.
 */
const REWRITTEN = [
  ["(?:(?<![\\s\\S])|(?<=\\n))", "(?:^|(?<=\\n)(?!$))"],
  ["(?<![\\s\\S])", "^"],
  ["(?![\\s\\S])", "$"],
] as const;

/**
 * The pattern as an expression of JavaScript that finds the same.
 *
 * @throws Error that names a construct which JavaScript does not have, or has with another meaning
 */
export function compilePattern(pattern: z.infer<typeof patternSchema>): RegExp {
  if ("String" in pattern) {
    return new RegExp(pattern.String.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "gu");
  }
  const Regex = rewriteOniguruma(pattern.Regex);
  const source = translate(Regex);
  const rewritten = REWRITTEN.reduce((text, [from, to]) => text.replaceAll(from, to), source);
  return new RegExp(rewritten, "gu");
}

/** The library translates expressions within a pre-tokenizer, and that within a whole tokenizer. */
function translate(Regex: string): string {
  const split = { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
  const nothing = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
  const model = { type: "WordPiece", unk_token: "", vocab: {} };
  const tokenizer = new Tokenizer({ ...nothing, pre_tokenizer: split, model }, {});
  return tokenizer.pre_tokenizer.pattern.source;
}

/** The end of the character at `index`, which may take two units. */
function characterEnd(text: string, index: number): number {
  return index + ((text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1);
}

/** Whether `index` lies between the two units of one character; an expression without width may be found there. */
function isWithinPair(text: string, index: number): boolean {
  return index > 0 && (text.codePointAt(index - 1) ?? 0) > 0xffff;
}

/**
 * Finds as the Rust library does: an empty match counts unless the match before it ends there, and then the search goes
 * on one character later.
 */
export function findAll(text: string, regex: RegExp): readonly Range[] {
  const found: Range[] = [];
  let from = 0;
  let lastEnd = -1;
  while (from <= text.length) {
    regex.lastIndex = from;
    const match = regex.exec(text);
    if (match === null) break;
    const { index: start } = match;
    const end = start + match[0].length;
    if (isWithinPair(text, start)) {
      from = start + 1;
      continue;
    }
    if (end === start && end === lastEnd) {
      from = characterEnd(text, from);
      continue;
    }
    found.push({ start, end });
    from = end;
    lastEnd = end;
  }
  return found;
}

/** Replaces what is found, with `content` as it stands. */
export function replaceAll(text: string, regex: RegExp, content: string): string {
  let out = "";
  let end = 0;
  for (const match of findAll(text, regex)) {
    out += text.slice(end, match.start) + content;
    end = match.end;
  }
  return out + text.slice(end);
}

import type { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";

const CACHE_ENTRIES = 50_000;
const CACHE_CHARACTERS = 64;
/** Stands for a space in SentencePiece's vocabularies. */
const MARK = "\u2581";
const MARK_AFTER_OTHER = /[^\u2581]\u2581/;
const WORDS = /\u2581*[^\u2581]+|\u2581+/g;

/** Remembers the answers for short texts; a text has far fewer different words than words. */
function remembered<T>(answer: (word: string) => T): (word: string) => T {
  const cache = new Map<string, T>();
  return (word) => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const fresh = answer(word);
    if (word.length <= CACHE_CHARACTERS) {
      if (cache.size >= CACHE_ENTRIES) cache.clear();
      cache.set(word, fresh);
    }
    return fresh;
  };
}

/**
 * Whether a space only ever begins a piece of this vocabulary. Then no piece reaches from one word into the next, and
 * a sentence has the pieces of its words.
 */
function wordsAreApart(inner: HuggingFaceTokenizer): boolean {
  const added = new Set(
    [...inner.get_added_tokens_decoder().values()].map(({ content }) => content),
  );
  const vocabulary: readonly string[] = inner.model?.vocab ?? [];
  const pieces = vocabulary.filter((piece) => !added.has(piece));
  return pieces.some((p) => p.startsWith(MARK)) && !pieces.some((p) => MARK_AFTER_OTHER.test(p));
}

/** Splitting into words first is exact for models that put pieces together or score them one by one. */
function cachePieces(inner: HuggingFaceTokenizer): void {
  const { model } = inner;
  if (!model) return;
  const encode = model.encode.bind(model);
  const piecesOf = remembered((word) => encode([word]));
  const split = wordsAreApart(inner)
    ? (text: string): readonly string[] => text.match(WORDS) ?? []
    : (text: string): readonly string[] => [text];
  const encodeWords = (texts: readonly string[]) => {
    const out: string[] = [];
    for (const text of texts) {
      for (const word of split(text)) for (const piece of piecesOf(word)) out.push(piece);
    }
    return out;
  };
  Object.assign(model, { encode: encodeWords });
}

/** What the library does not declare of its byte-level pre-tokenizer. */
interface ByteLevel {
  add_prefix_space: boolean;
  use_regex: boolean;
  readonly pattern: RegExp;
  pre_tokenize_text(text: string): string[];
}

function cacheBytes(part: object | null): void {
  if (part === null) return;
  if ("tokenizers" in part && Array.isArray(part.tokenizers)) {
    for (const inner of part.tokenizers) cacheBytes(inner);
  }
  if (!("byte_encoder" in part)) return;
  const level = part as unknown as ByteLevel;
  const { add_prefix_space, use_regex, pattern } = level;
  const original = level.pre_tokenize_text.bind(level);
  // From here on the original only writes one word as bytes.
  Object.assign(level, { add_prefix_space: false, use_regex: false });
  const bytesOf = remembered((word) => original(word)[0] ?? "");
  level.pre_tokenize_text = (text) => {
    const whole = add_prefix_space && !text.startsWith(" ") ? ` ${text}` : text;
    return (use_regex ? (whole.match(pattern) ?? []) : [whole]).map(bytesOf);
  };
}

/** Makes a tokenizer faster, with the same answers: words that occurred before are not looked into again. */
export function cacheWords(inner: HuggingFaceTokenizer): void {
  cachePieces(inner);
  cacheBytes(inner.pre_tokenizer);
}

import type { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";

/*
 * Where version 0.2.0 of the library differs from the Python library of the same makers (0.23), which is what models were
 * trained with. Each repair replaces one method; what it relies on is checked by tests against that library.
 */

/** Chinese characters as BERT has them, each a word; the library misses those beyond 16 bits. */
const CHINESE =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

function repairNormalizer(normalizer: object | null): void {
  if (normalizer === null) return;
  if ("normalizers" in normalizer && Array.isArray(normalizer.normalizers)) {
    for (const part of normalizer.normalizers) repairNormalizer(part);
  }
  if ("tokenize_chinese_chars" in normalizer) {
    const separated = (text: string) => text.replace(CHINESE, " $& ");
    Object.assign(normalizer, { tokenize_chinese_chars: separated });
  }
}

const encoder = new TextEncoder();

function byteTokens(text: string): readonly string[] {
  return Array.from(
    encoder.encode(text),
    (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
}

/** Unigram models that write unknown characters as bytes; the library gives the unknown token. */
function repairUnigram(model: NonNullable<HuggingFaceTokenizer["model"]>): void {
  const { type, byte_fallback } = model.config as { type?: string; byte_fallback?: boolean };
  if (type !== "Unigram" || byte_fallback !== true) return;
  const encode = model.encode.bind(model);
  const known = model.tokens_to_ids;
  const withBytes = (piece: string) => {
    if (known.has(piece)) return [piece];
    const bytes = byteTokens(piece);
    return bytes.every((byte) => known.has(byte)) ? bytes : [piece];
  };
  Object.assign(model, { encode: (words: string[]) => encode(words).flatMap(withBytes) });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that are no text become one replacement character each; a byte order mark stays. */
function decodeBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}

function repairDecoder(part: object | null): void {
  if (part === null) return;
  if ("decoders" in part && Array.isArray(part.decoders)) {
    for (const inner of part.decoders) repairDecoder(inner);
  }
  const { config } = part as { config?: { type?: string } };
  if (config?.type === "ByteFallback")
    Object.assign(part, { text_decoder: { decode: decodeBytes } });
}

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]/u;

function joinsWord(before: string | undefined, after: string | undefined): boolean {
  const last = [...(before ?? "").slice(-2)].at(-1) ?? "";
  const first = [...(after ?? "").slice(0, 2)][0] ?? "";
  return WORD.test(last) || WORD.test(first);
}

/** What the library does not declare: it cuts a text into added tokens and what lies between. */
interface Splitter {
  split(text: string): string[];
}

/** Added tokens that stand for whole words only are text inside a longer word; the library takes them everywhere. */
function repairSplitters(inner: HuggingFaceTokenizer): void {
  const added = [...inner.get_added_tokens_decoder().values()];
  const all = new Set(added.map(({ content }) => content));
  const words = new Set(added.filter((each) => each.single_word).map(({ content }) => content));
  if (words.size === 0) return;
  const splitters = inner as unknown as Record<`splitter_${"un" | ""}normalized`, Splitter>;
  for (const splitter of [splitters.splitter_unnormalized, splitters.splitter_normalized]) {
    const split = splitter.split.bind(splitter);
    splitter.split = (text) => {
      const parts = split(text);
      const out = [""];
      for (const [i, part] of parts.entries()) {
        const isText = words.has(part) ? joinsWord(parts[i - 1], parts[i + 1]) : !all.has(part);
        if (isText) out.push(`${out.pop() ?? ""}${part}`);
        else out.push(part, "");
      }
      return out.filter((part) => part !== "");
    };
  }
}

/** Makes a tokenizer give what its Python counterpart gives. */
export function repairTokenizer(inner: HuggingFaceTokenizer): void {
  repairNormalizer(inner.normalizer);
  if (inner.model) repairUnigram(inner.model);
  repairDecoder(inner.decoder);
  repairSplitters(inner);
}

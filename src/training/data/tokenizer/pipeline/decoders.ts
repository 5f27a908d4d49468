import { z } from "zod";
import { bytesOfPiece, textOfBytes, textOfExactBytes } from "./bytes.ts";
import { type Kinds, makePart } from "./part.ts";
import { compilePattern, patternSchema, replaceAll } from "./patterns.ts";

/** Turns the pieces of a text into pieces of what it reads. */
export type Decoder = (pieces: readonly string[]) => readonly string[];

const stripSchema = z.object({ content: z.string(), start: z.int().min(0), stop: z.int().min(0) });
const ctcSchema = z.object({
  ...{ pad_token: z.string(), word_delimiter_token: z.string(), cleanup: z.boolean() },
});
const metaspaceSchema = z.object({
  replacement: z.string(),
  prepend_scheme: z.enum(["always", "first", "never"]).default("always"),
  add_prefix_space: z.boolean().nullish(),
});

/** English as BERT's authors write it. */
const CLEANED: readonly (readonly [from: string, to: string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

const clean = (text: string) =>
  CLEANED.reduce((before, [from, to]) => before.replaceAll(from, to), text);

/** Changes each piece by itself. */
const each =
  (change: (piece: string, index: number) => string): Decoder =>
  (pieces) =>
    pieces.map(change);

function wordPiece(prefix: string, cleanup: boolean): Decoder {
  return each((piece, i) => {
    const isInner = i > 0 && piece.startsWith(prefix);
    const spaced = i === 0 ? piece : isInner ? piece.slice(prefix.length) : ` ${piece}`;
    return cleanup ? clean(spaced) : spaced;
  });
}

function strip({ content, start, stop }: z.infer<typeof stripSchema>): Decoder {
  return each((piece) => {
    const characters = [...piece];
    let from = 0;
    while (from < Math.min(start, characters.length) && characters[from] === content) from++;
    let to = characters.length;
    const least = Math.max(from, characters.length - stop);
    while (to > least && characters[to - 1] === content) to--;
    return characters.slice(from, to).join("");
  });
}

function ctc({ pad_token, word_delimiter_token, cleanup }: z.infer<typeof ctcSchema>): Decoder {
  return (pieces) =>
    pieces
      .filter((piece, i) => i === 0 || piece !== pieces[i - 1])
      .map((piece) => piece.replaceAll(pad_token, ""))
      .map((piece) => (cleanup ? clean(piece).replaceAll(word_delimiter_token, " ") : piece))
      .filter((piece) => piece !== "");
}

/** Names of bytes in a row become the text that they make, or one replacement character each. */
const byteFallback: Decoder = (pieces) => {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    const text = textOfExactBytes(bytes);
    if (bytes.length > 0) out.push(...(text === null ? bytes.map(() => "\ufffd") : [text]));
    bytes = [];
  };
  for (const piece of pieces) {
    const [, hex] = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece) ?? [];
    if (hex === undefined) {
      flush();
      out.push(piece);
    } else bytes.push(Number.parseInt(hex, 16));
  }
  flush();
  return out;
};

/** Every decoder of tokenizer.json by its type. */
const KINDS: Kinds<Decoder> = {
  ByteLevel: () => (pieces) => [textOfBytes(pieces.flatMap(bytesOfPiece))],
  ByteFallback: () => byteFallback,
  Fuse: () => (pieces) => [pieces.join("")],
  Strip: (config) => strip(stripSchema.parse(config)),
  CTC: (config) => ctc(ctcSchema.parse(config)),
  BPEDecoder(config) {
    const { suffix } = z.object({ suffix: z.string() }).parse(config);
    return (pieces) =>
      pieces.map((piece, i) => piece.replaceAll(suffix, i === pieces.length - 1 ? "" : " "));
  },
  WordPiece(config) {
    const { prefix, cleanup } = z
      .object({ prefix: z.string(), cleanup: z.boolean() })
      .parse(config);
    return wordPiece(prefix, cleanup);
  },
  Metaspace(config) {
    const { replacement, prepend_scheme } = metaspaceSchema.parse(config);
    const drops = prepend_scheme !== "never";
    return each((piece, i) => piece.replaceAll(replacement, i === 0 && drops ? "" : " "));
  },
  Replace(config) {
    const { pattern, content } = z
      .object({ pattern: patternSchema, content: z.string() })
      .parse(config);
    const regex = compilePattern(pattern);
    return each((piece) => replaceAll(piece, regex, content));
  },
  Sequence(config) {
    const { decoders } = z.object({ decoders: z.array(z.unknown()) }).parse(config);
    const parts = decoders.map((part) => readDecoder(part));
    return (pieces) => parts.reduce((before, part) => part(before), pieces);
  },
};

/**
 * @param config the decoder of a tokenizer.json, or null
 * @throws Error that names what is not known
 */
export function readDecoder(config: unknown): Decoder {
  // Without a decoder a space stands between pieces.
  if (config === null || config === undefined) return (pieces) => [pieces.join(" ")];
  return makePart("decoder", KINDS, config);
}

/*
 * SentencePiece's table of replacements: the length of a double-array trie in bytes, the trie (Darts-clone: units of 32
 * bits), and the texts that it points to, each ended by a zero byte.
 */

const encoder = new TextEncoder();
/** A group of characters that has as many bytes or more is looked at one character at a time. */
const GROUP_BYTES = 6;
const ONE_BY_ONE = /^(?:(?!\r)\p{ASCII})*$/u;

class ReplacementTable {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;

  constructor(base64: string) {
    const bytes = Buffer.from(base64, "base64");
    const size = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
    if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length) {
      throw new Error("the table of the normalizer Precompiled is damaged");
    }
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
    this.#texts = bytes.subarray(4 + size);
  }

  /** What the shortest entry that a text begins with is replaced by; null when there is none. */
  find(text: string): string | null {
    const offset = (unit: number) => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
    let position = offset(this.#units[0] ?? 0);
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return null;
      position ^= byte;
      const unit = this.#units[position] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return null;
      position ^= offset(unit);
      if ((unit >>> 8) & 1) return this.#textAt((this.#units[position] ?? 0) & 0x7fffffff);
    }
    return null;
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    return new TextDecoder().decode(this.#texts.subarray(start, end < 0 ? undefined : end));
  }
}

/**
 * @param base64 the table as tokenizer.json has it
 * @throws Error when it is damaged
 */
export function precompiledNormalizer(base64: string): (text: string) => string {
  const table = new ReplacementTable(base64);
  // Made here, as most tokenizers need none: it takes a learner's thread a tenth of what it loads in.
  const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
  const known = new Map<string, string | null>();
  const find = (text: string): string | null => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const fresh = table.find(text);
    known.set(text, fresh);
    return fresh;
  };
  const replaceCharacters = (text: string) => {
    let out = "";
    for (const character of text) out += find(character) ?? character;
    return out;
  };
  return (text) => {
    if (ONE_BY_ONE.test(text)) return replaceCharacters(text);
    let out = "";
    for (const { segment } of graphemes.segment(text)) {
      const isShort = segment.length < GROUP_BYTES && encoder.encode(segment).length < GROUP_BYTES;
      out += (isShort ? find(segment) : null) ?? replaceCharacters(segment);
    }
    return out;
  };
}

import assert from "node:assert/strict";

/**
 * How words are cut before pairs are merged; the expression of GPT-2, which `ByteLevel` stands for in tokenizer.json.
 */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** GPT-2's printable character for each byte: the byte itself where it is visible, else the next one from U+0100 on. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const visible = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(visible(byte) ? byte : next++),
  );
})();

export type Merge = readonly [string, string];

interface Word {
  pieces: string[];
  readonly count: number;
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of ` ${text}`.match(WORDS) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => ({
    pieces: Array.from(new TextEncoder().encode(word), (byte) => BYTE_CHARACTERS[byte] ?? ""),
    count,
  }));
}

/** The most frequent pair of neighbours; among equals the first in code unit order, so that the result is unique. */
function commonestPair(words: readonly Word[]): Merge | null {
  const counts = new Map<string, number>();
  for (const { pieces, count } of words) {
    for (let i = 1; i < pieces.length; i++) {
      const pair = `${pieces[i - 1]} ${pieces[i]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best: string | null = null;
  let most = 1;
  for (const [pair, count] of counts) {
    if (count > most || (count === most && best !== null && pair < best)) {
      best = pair;
      most = count;
    }
  }
  const [left, right] = best?.split(" ") ?? [];
  return left !== undefined && right !== undefined ? [left, right] : null;
}

function merge(pieces: readonly string[], [left, right]: Merge): string[] {
  const merged: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const fits = pieces[i] === left && pieces[i + 1] === right;
    merged.push(fits ? left + right : (pieces[i] ?? ""));
    if (fits) i += 1;
  }
  return merged;
}

/**
 * Learns a byte-level byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909) from texts.
 *
 * @param size number of pieces wanted, the 256 bytes included
 * @returns the merges in the order in which they were learned; fewer when every word is one piece
 */
export function trainBytePairs(texts: Iterable<string>, size: number): readonly Merge[] {
  assert(size >= 256);
  const words = countWords(texts);
  const merges: Merge[] = [];
  while (256 + merges.length < size) {
    const pair = commonestPair(words);
    if (pair === null) break;
    merges.push(pair);
    for (const word of words) word.pieces = merge(word.pieces, pair);
  }
  return merges;
}

import type { Model } from "./models.ts";

const CACHE_ENTRIES = 50_000;
const CACHE_CHARACTERS = 64;
/** Stands for a space in SentencePiece's vocabularies. */
const MARK = "\u2581";
const MARK_AFTER_OTHER = /[^\u2581]\u2581/;
const WORDS = /\u2581*[^\u2581]+|\u2581+/g;

/** Remembers the answers for short texts; a text has far fewer different words than words. */
export function remembered<T>(answer: (word: string) => T): (word: string) => T {
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
 * a sentence has the pieces of its words. The mark itself is known, so that nothing unknown reaches across it either.
 */
function wordsAreApart(vocab: ReadonlyMap<string, number>, added: ReadonlySet<string>): boolean {
  if (!vocab.has(MARK)) return false;
  for (const piece of vocab.keys()) {
    if (MARK_AFTER_OTHER.test(piece) && !added.has(piece)) return false;
  }
  return true;
}

/** The model, with the same answers, that does not look into a word again. */
export function rememberingWords(
  model: Model,
  added: ReadonlySet<string>,
): (piece: string) => readonly number[] {
  const encode = remembered((word) => model.encode(word));
  if (!model.joinsWords || !wordsAreApart(model.vocab, added)) return encode;
  return (piece) => (piece.match(WORDS) ?? []).flatMap(encode);
}

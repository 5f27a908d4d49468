/** A vocabulary that asks for a token which it does not have. */
export class NoUnknownToken extends Error {}

/** Words that stand in the vocabulary whole. */
export function wordLevel(
  vocab: ReadonlyMap<string, number>,
  unkToken: string,
): (word: string) => number[] {
  return (word) => {
    const id = vocab.get(word) ?? vocab.get(unkToken);
    if (id === undefined) throw new NoUnknownToken();
    return [id];
  };
}

/** The longest piece that a word begins with, then the longest that the rest begins with, and so on (BERT). */
export function wordPiece(
  vocab: ReadonlyMap<string, number>,
  settings: { readonly unkToken: string; readonly prefix: string; readonly charactersMax: number },
): (word: string) => number[] {
  const { unkToken, prefix, charactersMax } = settings;
  const unknown = () => {
    const id = vocab.get(unkToken);
    if (id === undefined) throw new NoUnknownToken();
    return [id];
  };
  /** The end of the longest piece that begins at `start`, and its id. */
  const longest = (characters: readonly string[], start: number) => {
    for (let end = characters.length; end > start; end--) {
      const piece = characters.slice(start, end).join("");
      const id = vocab.get(start > 0 ? prefix + piece : piece);
      if (id !== undefined) return { end, id };
    }
    return null;
  };
  return (word) => {
    const characters = [...word];
    if (characters.length > charactersMax) return unknown();
    const ids: number[] = [];
    for (let start = 0; start < characters.length; ) {
      const found = longest(characters, start);
      if (found === null) return unknown();
      ids.push(found.id);
      start = found.end;
    }
    return ids;
  };
}

import { byteNames } from "./bytes.ts";
import { MergeTable, mergePairs } from "./merging.ts";
import { NoUnknownToken } from "./words.ts";

export interface BytePairSettings {
  readonly vocab: ReadonlyMap<string, number>;
  /** Pairs of pieces, most urgent first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Null drops what is unknown. */
  readonly unkToken?: string | null | undefined;
  /** Begins every piece but the first of a word. */
  readonly prefix?: string | null | undefined;
  /** Ends the last piece of a word. */
  readonly suffix?: string | null | undefined;
  /** Whether unknown characters in a row are one. */
  readonly fuseUnk?: boolean | null | undefined;
  /** Whether unknown characters are written as bytes. */
  readonly byteFallback?: boolean | null | undefined;
  /** Whether a word that is a piece is taken as it is. */
  readonly ignoreMerges?: boolean | null | undefined;
}

function tableOf({ vocab, merges, prefix }: BytePairSettings): MergeTable {
  const table = new MergeTable();
  const idOf = (piece: string): number => {
    const id = vocab.get(piece);
    if (id === undefined)
      throw new Error("a merge makes or takes a piece that is not in the vocabulary");
    return id;
  };
  merges.forEach(([left, right], rank) => {
    const symbol = idOf(left + right.slice(prefix?.length ?? 0));
    table.add(idOf(left), idOf(right), { rank, symbol });
  });
  return table;
}

/** The ids of one piece or of its bytes; empty when the vocabulary has neither. */
function idsOf(piece: string, { vocab, byteFallback }: BytePairSettings): readonly number[] {
  const id = vocab.get(piece);
  if (id !== undefined) return [id];
  const names = byteFallback ? byteNames(piece) : [];
  const ids = names.map((name) => vocab.get(name)).filter((byte) => byte !== undefined);
  return ids.length === names.length ? ids : [];
}

/** The characters of a word as ids, before anything is merged. */
function charactersAsIds(word: string, settings: BytePairSettings): readonly number[] {
  const { vocab, unkToken, prefix, suffix, fuseUnk } = settings;
  const characters = [...word];
  const ids: number[] = [];
  let waiting: readonly number[] = [];
  const flush = () => {
    ids.push(...waiting);
    waiting = [];
  };
  for (const [i, character] of characters.entries()) {
    const ending = i === characters.length - 1 ? (suffix ?? "") : "";
    const piece = (i > 0 ? (prefix ?? "") : "") + character + ending;
    const known = idsOf(piece, settings);
    // An unknown token waits for those that it is one with, and bytes do not end the wait: so the Rust library has it.
    if (vocab.has(piece) || (known.length === 0 && !fuseUnk)) flush();
    ids.push(...known);
    if (known.length === 0 && typeof unkToken === "string") waiting = [unknownId(vocab, unkToken)];
  }
  flush();
  return ids;
}

function unknownId(vocab: ReadonlyMap<string, number>, unkToken: string): number {
  const id = vocab.get(unkToken);
  if (id === undefined) throw new NoUnknownToken();
  return id;
}

/**
 * @returns what makes the ids of one word; it throws {@link NoUnknownToken} for an unknown character when the unknown
 *   token is itself not in the vocabulary
 * @throws Error when a merge does not fit the vocabulary
 */
export function bytePairs(settings: BytePairSettings): (word: string) => number[] {
  const table = tableOf(settings);
  return (word) => {
    const whole = settings.ignoreMerges ? settings.vocab.get(word) : undefined;
    return whole === undefined ? mergePairs(charactersAsIds(word, settings), table) : [whole];
  };
}

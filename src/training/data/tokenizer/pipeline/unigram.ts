import { byteNames } from "./bytes.ts";
import { Trie } from "./trie.ts";
import { NoUnknownToken } from "./words.ts";

/** What an unknown character costs more than the least likely piece. */
const UNKNOWN_PENALTY = 10;

interface Scored {
  readonly id: number;
  readonly score: number;
}

export interface UnigramSettings {
  /** Pieces with the logarithms of their probabilities, in the order of ids. */
  readonly vocab: readonly (readonly [string, number])[];
  readonly unkId: number | null;
  /** Whether unknown characters are written as bytes. */
  readonly byteFallback: boolean;
}

/** The most likely pieces of a text (Kudo 2018, arXiv 1804.10959), as SentencePiece finds them. */
export class Unigram {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #trie = new Trie<Scored>();
  readonly #unkId: number | null;
  readonly #unkScore: number;
  readonly #byteFallback: boolean;

  constructor({ vocab, unkId, byteFallback }: UnigramSettings) {
    if (unkId !== null && unkId >= vocab.length)
      throw new Error("unk_id lies outside its vocabulary");
    this.#ids = new Map(vocab.map(([piece], id) => [piece, id]));
    for (const [piece, id] of this.#ids) this.#trie.set(piece, { id, score: vocab[id]?.[1] ?? 0 });
    const least = vocab.reduce((min, [, score]) => Math.min(min, score), Number.POSITIVE_INFINITY);
    this.#unkScore = least - UNKNOWN_PENALTY;
    this.#unkId = unkId;
    this.#byteFallback = byteFallback;
  }

  /** @throws Error when a character is unknown and the model has no token for such */
  encode(text: string): number[] {
    return this.#pieces(text).flatMap((piece) => this.#idsOf(piece));
  }

  #unknown(): number {
    if (this.#unkId === null) throw new NoUnknownToken();
    return this.#unkId;
  }

  #idsOf(piece: string): readonly number[] {
    const id = this.#ids.get(piece);
    if (id !== undefined) return [id];
    const bytes = this.#byteFallback ? byteNames(piece).map((name) => this.#ids.get(name)) : [];
    const known = bytes.filter((byte) => byte !== undefined);
    return known.length > 0 && known.length === bytes.length ? known : [this.#unknown()];
  }

  /** The best way to every place of the text: its score, and where its last piece begins. */
  #bestPath(text: string) {
    const scores = new Float64Array(text.length + 1);
    const starts = new Int32Array(text.length + 1).fill(-1);
    const ids = new Int32Array(text.length + 1);
    const offer = (start: number, end: number, score: number, id: () => number) => {
      const total = score + (scores[start] ?? 0);
      if ((starts[end] ?? -1) >= 0 && total <= (scores[end] ?? 0)) return;
      scores[end] = total;
      starts[end] = start;
      ids[end] = id();
    };
    for (let start = 0; start < text.length; ) {
      const next = start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      let isKnown = false;
      this.#trie.visitPrefixes(text, start, ({ id, score }, end) => {
        offer(start, end, score, () => id);
        if (end === next) isKnown = true;
      });
      if (!isKnown) offer(start, next, this.#unkScore, () => this.#unknown());
      start = next;
    }
    return { starts, ids };
  }

  /** Unknown pieces in a row are one. */
  #pieces(text: string): readonly string[] {
    const { starts, ids } = this.#bestPath(text);
    const pieces: string[] = [];
    let wasUnknown = false;
    for (let end = text.length; end > 0; ) {
      const start = starts[end] ?? 0;
      const isUnknown = ids[end] === this.#unkId;
      const piece = text.slice(start, end);
      if (isUnknown && wasUnknown) pieces.push(piece + (pieces.pop() ?? ""));
      else pieces.push(piece);
      wasUnknown = isUnknown;
      end = start;
    }
    return pieces.reverse();
  }
}

import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { maybe } from "./encode-end.ts";
import type { Example } from "./example.ts";

/** How texts become rows: each its own, or one after the other in rows that are full. */
export type Packing = "none" | "concatenate";

/**
 * Cuts running text into examples of at most `sequenceMax` ids. With packing "none" a document is cut into windows
 * that each begin with BOS, and EOS stands where it ends. With "concatenate" texts follow one another as `BOS text
 * EOS BOS text EOS ...`. Then every row is full and nothing is padding, but a text also sees the end of the one
 * before it.
 */
export class TextWindows {
  readonly #tokenizer: Tokenizer;
  readonly #sequenceMax: number;
  readonly #packing: Packing;
  #pending: number[] = [];
  #isInside = false;

  constructor(tokenizer: Tokenizer, sequenceMax: number, packing: Packing) {
    this.#tokenizer = tokenizer;
    this.#sequenceMax = sequenceMax;
    this.#packing = packing;
  }

  /** Takes the next text, or piece of one that goes on; returns the examples that are full now. */
  add(text: string, end: "goes on" | "ends"): readonly Example[] {
    const { bosId, eosId } = this.#tokenizer;
    const ids = this.#tokenizer.encode(text);
    if (ids.length === 0 && !this.#isInside) return [];
    if (!this.#isInside) this.#pending.push(...maybe(bosId));
    for (const id of ids) this.#pending.push(id);
    this.#isInside = end === "goes on";
    if (this.#isInside) return this.#cut();
    this.#pending.push(...maybe(eosId));
    return this.#packing === "none" ? this.finish() : this.#cut();
  }

  /** What is left at the end of all texts. */
  finish(): readonly Example[] {
    const full = this.#cut();
    const rest = this.#pending;
    this.#pending = [];
    return rest.length < 2 ? full : [...full, example(rest)];
  }

  #cut(): readonly Example[] {
    const again = this.#packing === "none" ? maybe(this.#tokenizer.bosId) : [];
    const examples: Example[] = [];
    let at = 0;
    // What a window takes of the text: the first one's BOS stands there already.
    const room = () => this.#sequenceMax - (at === 0 ? 0 : again.length);
    // A window that is just full is left for later: the text may end here.
    while (this.#pending.length - at > room()) {
      const start = at === 0 ? [] : again;
      const end = at + room();
      examples.push(example([...start, ...this.#pending.slice(at, end)]));
      at = end;
    }
    if (at > 0) this.#pending = [...again, ...this.#pending.slice(at)];
    return examples;
  }
}

function example(ids: readonly number[]): Example {
  return { ids: Int32Array.from(ids), promptLength: 1, truncated: false };
}

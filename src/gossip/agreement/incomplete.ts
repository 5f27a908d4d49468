import type { PeerId } from "../../types.ts";
import type { Fault } from "./parse.ts";

/** When what came in short is looked at again; after the last time its author is asked for the whole. */
const PAUSES_MS = [100, 300, 900];
/** Messages that wait, of the largest rosters in use, and bytes of one: larger ones are asked for at once. */
const MAX_WAITING = 1024;
const MAX_WAITING_BYTES = 16 * 1024;

export interface IncompleteOptions {
  /** The whole of what came in short, as far as is known now. */
  readonly wholeOf: (bytes: Uint8Array) => Uint8Array | Fault;
  readonly onWhole: (from: PeerId, bytes: Uint8Array) => void;
  /** What a member said in short takes more than is known here: it is to be asked for all of it. */
  readonly onLost: (from: PeerId) => void;
  /** Runs something some milliseconds later. */
  readonly later: (milliseconds: number, run: () => void) => void;
}

interface Waiting {
  readonly from: PeerId;
  readonly bytes: Uint8Array;
}

/** What came in short before what it is about: messages overtake one another. */
export class Incomplete {
  readonly #options: IncompleteOptions;
  readonly #waiting = new Set<Waiting>();

  constructor(options: IncompleteOptions) {
    this.#options = options;
  }

  add(from: PeerId, bytes: Uint8Array): void {
    const isWorthIt = bytes.byteLength <= MAX_WAITING_BYTES && this.#waiting.size < MAX_WAITING;
    if (!isWorthIt) {
      this.#options.onLost(from);
      return;
    }
    const each = { from, bytes };
    this.#waiting.add(each);
    this.#await(each, PAUSES_MS);
  }

  /** Something has become known that proposals are put together of. */
  review(): void {
    for (const each of this.#waiting) if (isProposal(each)) this.#complete(each);
  }

  #await(each: Waiting, [pause, ...rest]: readonly number[]): void {
    if (pause === undefined) {
      this.#waiting.delete(each);
      this.#options.onLost(each.from);
      return;
    }
    this.#options.later(pause, () => {
      if (!this.#waiting.has(each)) return;
      this.#complete(each);
      if (this.#waiting.has(each)) this.#await(each, rest);
    });
  }

  #complete(each: Waiting): void {
    const whole = this.#options.wholeOf(each.bytes);
    const isMissing = !(whole instanceof Uint8Array) && whole.reason === "in-short";
    if (isMissing) return;
    this.#waiting.delete(each);
    if (whole instanceof Uint8Array) this.#options.onWhole(each.from, whole);
  }
}

// --- internal ---

const isProposal = ({ bytes }: Waiting): boolean => bytes[2] === 7;

import type { PeerId } from "../../types.ts";
import { bytes, short } from "../view/table.ts";

/** Least time between two lines of how far it is. */
const EVERY_MS = 5000;

/** Tells how much of a model has come, now and then. */
export class FetchProgress {
  readonly #total: number;
  readonly #tell: (sentence: string) => void;
  readonly #now: () => number;
  #here = 0;
  #saidAt: number;

  /** @param now - milliseconds of a clock that only goes forward */
  constructor(
    total: number,
    tell: (sentence: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#total = total;
    this.#tell = tell;
    this.#now = now;
    this.#saidAt = now();
  }

  /** Of a file there were more bytes before, or fewer, than now. */
  add(count: number): void {
    this.#here += count;
  }

  /** So many bytes of a file came from a peer. */
  came(count: number, file: string, from: PeerId): void {
    this.#here += count;
    if (this.#now() - this.#saidAt < EVERY_MS) return;
    this.#saidAt = this.#now();
    const percent = Math.floor((100 * this.#here) / this.#total);
    const amount = `${bytes(this.#here)} of ${bytes(this.#total)} (${percent} %)`;
    this.#tell(`the model: ${amount} are here; ${file} comes from ${short(from)}`);
  }
}

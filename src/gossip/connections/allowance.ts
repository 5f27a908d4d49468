export interface AllowanceSize {
  /** What may be used at once. */
  readonly burst: number;
  /** What is allowed anew in each second. */
  readonly perSecond: number;
}

/** One bucket of tokens: so many at once, then so many in a second. Holds no clock: time comes in as an argument. */
export class Allowance {
  readonly #size: AllowanceSize;
  #left: number;
  #at: number;

  /** @param now milliseconds of any clock that only goes forward */
  constructor(size: AllowanceSize, now: number) {
    this.#size = size;
    this.#left = size.burst;
    this.#at = now;
  }

  /** Uses up so much; false, and nothing is used, when that is more than is left. */
  take(amount: number, now: number): boolean {
    this.give((Math.max(0, now - this.#at) / 1000) * this.#size.perSecond);
    this.#at = now;
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }

  /** Allows so much more, up to the burst. */
  give(amount: number): void {
    this.#left = Math.min(this.#size.burst, this.#left + amount);
  }
}

/**
 * Which programs may keep memory from one run to the next. An arena spares a program the asking for memory at every
 * run, a tenth of its time with one thread. But an arena keeps the peak of its runs until the program is closed, so
 * the programs of many shapes add up beyond every plan. The first ones get arenas, as far as a share of the memory
 * that there is goes.
 */
export class ArenaBudget {
  readonly #bytesMax: () => number;
  #taken = 0;

  /** `bytesMax` is asked anew each time. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes `bytes` when they are left, until `giveBack`; whether it has. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#bytesMax()) return false;
    this.#taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** Lets so many through at a time; others wait in order, and no more than so many of them. */
export class Semaphore {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();

  constructor(permits: number, maxWaiting: number) {
    this.#free = permits;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Waits for a permit.
   *
   * @returns a function that gives the permit back (calling it twice is harmless), `full` when too many wait
   *   already, or `aborted` when the signal came first.
   */
  async acquire(signal: AbortSignal): Promise<(() => void) | "full" | "aborted"> {
    if (signal.aborted) return "aborted";
    if (this.#free > 0) {
      this.#free -= 1;
      return this.#release();
    }
    if (this.#waiting.size >= this.#maxWaiting) return "full";
    const { promise, resolve } = Promise.withResolvers<"turn" | "aborted">();
    const turn = () => resolve("turn");
    const abort = () => resolve("aborted");
    this.#waiting.add(turn);
    signal.addEventListener("abort", abort, { once: true });
    const outcome = await promise;
    signal.removeEventListener("abort", abort);
    // taken out by whoever gave us the permit, unless the signal was first
    if (this.#waiting.delete(turn)) return "aborted";
    return outcome === "turn" ? this.#release() : this.#passOn();
  }

  #release(): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#give();
    };
  }

  /** The permit and the signal came in the same tick: the permit goes to the next. */
  #passOn(): "aborted" {
    this.#give();
    return "aborted";
  }

  #give(): void {
    const next = this.#waiting.values().next().value;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

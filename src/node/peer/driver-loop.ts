import { type Clock, pause } from "./clock.ts";

/** Timers of Node end at once when they are set for more than 24 days. */
const LONGEST_TIMER_MS = 86_400_000;

/** What a driver has under way: timers by name, and work that ends with the node. */
export class DriverLoop {
  readonly #clock: Clock;
  readonly #timers = new Map<string, () => void>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #finished = Promise.withResolvers<void>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#finished.promise.catch(() => undefined);
  }

  /** Resolves when `finish` is called; rejects when work fails. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Ends what is under way. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  finish(): void {
    this.#finished.resolve();
  }

  /** Sets a timer; an earlier one of the name is called off. */
  startTimer(name: string, delayMs: number, run: () => void): void {
    this.#timers.get(name)?.();
    this.#timers.set(name, this.#clock.after(Math.max(0, delayMs), run));
  }

  /** Runs work beside the loop; a failure that is not the stop itself ends the node. */
  spawn(work: () => Promise<void>): void {
    const task = work()
      .catch((error: unknown) => {
        if (!this.signal.aborted) this.#finished.reject(error);
      })
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  /** Resolves at a time of the wall clock, or when the node stops. */
  async untilWallClock(at: number): Promise<void> {
    while (at > this.#clock.wallClock() && !this.signal.aborted) {
      await this.pause(Math.min(LONGEST_TIMER_MS, at - this.#clock.wallClock()));
    }
  }

  /** Resolves after a while, or when the node stops. */
  pause(milliseconds: number): Promise<void> {
    return pause(this.#clock, milliseconds, this.signal);
  }

  /** Calls timers off and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the node stops"));
    for (const callOff of this.#timers.values()) callOff();
    this.#timers.clear();
    await Promise.allSettled([...this.#running]);
  }
}

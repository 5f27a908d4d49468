import type { Clock } from "../../src/node/peer/clock.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** One process of a simulated peer, from its start to its end. What a dead one had under way never comes to an end. */
export class Life {
  readonly #onEnd: (() => void)[] = [];
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls back when the process has died: what others notice of it. */
  onEnd(listener: () => void): void {
    this.#onEnd.push(listener);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const tell of this.#onEnd) tell();
  }

  /** Throws when the process is dead: whatever of it still runs in this instant gets no further. */
  check(): void {
    if (this.#isOver) throw new Error("this simulated process is dead");
  }

  /** Runs something as a part of the process: nothing when it is dead, and only as far as it lives. */
  run(work: () => void): void {
    if (this.#isOver) return;
    try {
      work();
    } catch (error) {
      if (!this.#isOver) throw error;
    }
  }
}

/** 2030-01-01: simulated clocks tell a time like others'. */
export const EPOCH = 1_893_456_000_000;

/** The clocks and timers of a simulated process. */
export function clockOf(time: VirtualTime, life: Life): Clock {
  const now = () => EPOCH + time.now;
  return {
    now,
    wallClock: now,
    after(milliseconds, run) {
      let isOff = false;
      time.after(milliseconds, () => {
        if (!isOff) life.run(run);
      });
      return () => {
        isOff = true;
      };
    },
  };
}

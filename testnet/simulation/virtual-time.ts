import { setImmediate } from "node:timers/promises";

interface Job {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * A clock that jumps from one planned action to the next; actions of one instant run in the order they were planned.
 */
export class VirtualTime {
  #heap: Job[] = [];
  #order = 0;
  now = 0;

  /** Plans an action `delay` milliseconds from now; time has whole milliseconds. */
  after(delay: number, run: () => void): void {
    const at = this.now + Math.max(0, Math.ceil(delay));
    this.#heap.push({ at, order: this.#order, run });
    this.#order += 1;
    this.#up(this.#heap.length - 1);
  }

  /**
   * Runs actions until none is left, `done` holds, or the clock would pass `until`. All that an instant set off has
   * settled before the next one comes: promises resolve in between, as they do in a process that waits for its
   * timers.
   */
  async run(until: number, done: () => boolean): Promise<void> {
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) return;
      this.now = next.at;
      while (this.#heap[0]?.at === this.now) this.#pop()?.run();
      await setImmediate();
    }
  }

  /** The same of actions that make no promises: nothing has to settle in between. */
  runAtOnce(until: number, done: () => boolean): void {
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) return;
      this.now = next.at;
      this.#pop()?.run();
    }
  }

  #pop(): Job | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return top;
    this.#heap[0] = last;
    this.#down(0);
    return top;
  }

  #up(index: number): void {
    let child = index;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapUnlessOrdered(parent, child)) return;
      child = parent;
    }
  }

  #down(index: number): void {
    let parent = index;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      const least = this.#earlier(right, left) ? right : left;
      if (least >= this.#heap.length || !this.#swapUnlessOrdered(parent, least)) return;
      parent = least;
    }
  }

  #earlier(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return false;
    return first.at < second.at || (first.at === second.at && first.order < second.order);
  }

  #swapUnlessOrdered(parent: number, child: number): boolean {
    if (!this.#earlier(child, parent)) return false;
    const [a, b] = [this.#heap[parent] as Job, this.#heap[child] as Job];
    this.#heap[parent] = b;
    this.#heap[child] = a;
    return true;
  }
}

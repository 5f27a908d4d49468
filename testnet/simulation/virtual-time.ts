import { setImmediate } from "node:timers/promises";

/** What happens at one instant, in the order in which it was planned. */
interface Instant {
  readonly at: number;
  readonly actions: (() => void)[];
  /** How many of them have run. */
  ran: number;
}

/**
 * A clock that jumps from one planned action to the next; actions of one instant run in the order they were planned.
 */
export class VirtualTime {
  /** A heap with the earliest on top: of instants, which are far fewer than actions. */
  readonly #heap: Instant[] = [];
  readonly #instants = new Map<number, Instant>();
  now = 0;

  /** Plans an action `delay` milliseconds from now; time has whole milliseconds. */
  after(delay: number, run: () => void): void {
    const at = this.now + Math.max(0, Math.ceil(delay));
    const known = this.#instants.get(at);
    if (known !== undefined) {
      known.actions.push(run);
      return;
    }
    const instant = { at, actions: [run], ran: 0 };
    this.#instants.set(at, instant);
    this.#heap.push(instant);
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
      while (this.#heap[0]?.at === this.now) this.#take()?.();
      await setImmediate();
    }
  }

  /** The same of actions that make no promises: nothing has to settle in between. */
  runAtOnce(until: number, done: () => boolean): void {
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) return;
      this.now = next.at;
      this.#take()?.();
    }
  }

  /** The next action; an instant goes with its last one. */
  #take(): (() => void) | undefined {
    const [top] = this.#heap;
    const act = top?.actions[top.ran];
    if (top === undefined) return undefined;
    top.ran += 1;
    if (top.ran === top.actions.length) this.#pop(top);
    return act;
  }

  #pop({ at }: Instant): void {
    this.#instants.delete(at);
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
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
      const least = this.#isEarlier(right, left) ? right : left;
      if (least >= this.#heap.length || !this.#swapUnlessOrdered(parent, least)) return;
      parent = least;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    return first !== undefined && second !== undefined && first.at < second.at;
  }

  #swapUnlessOrdered(parent: number, child: number): boolean {
    if (!this.#isEarlier(child, parent)) return false;
    const [a, b] = [this.#heap[parent] as Instant, this.#heap[child] as Instant];
    this.#heap[parent] = b;
    this.#heap[child] = a;
    return true;
  }
}

/** What a reader that is away may miss before the oldest goes. */
const KEPT_MAX = 1024;

/** Values handed from a writer that never waits to one reader that may be slow, or absent: the newest are kept. */
export class LatestStream<T> implements AsyncIterable<T> {
  readonly #kept: T[] = [];
  #ended = false;
  #wake: () => void = () => {};

  push(value: T): void {
    if (this.#kept.push(value) > KEPT_MAX) this.#kept.shift();
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#kept.length > 0) yield this.#kept.shift() as T;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

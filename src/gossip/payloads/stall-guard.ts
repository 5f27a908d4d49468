/** Aborts its signal when fewer than so many bytes came in a period; a trickle does not keep a transfer alive. */
export class StallGuard {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #least: number;
  #bytes = 0;

  constructor(periodMs: number, minBytesPerSecond: number) {
    this.#least = Math.max(1, (minBytesPerSecond * periodMs) / 1000);
    this.#timer = setInterval(() => {
      if (this.#bytes < this.#least) this.#controller.abort();
      this.#bytes = 0;
    }, periodMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get stalled(): boolean {
    return this.#controller.signal.aborted;
  }

  progress(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The other side is alive and has a reason for sending nothing. */
  excuse(): void {
    this.#bytes += this.#least;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

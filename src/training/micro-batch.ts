import { KlatchError } from "../errors.ts";
import type { Batch } from "./batches.ts";

/**
 * How many rows one run of a training program takes. When the device runs out of memory the number is halved and the
 * batch starts over in more parts, whose gradients add up: the same training, in more and smaller runs.
 */
export class MicroBatch {
  readonly #onHalved: (rows: number, cause: KlatchError) => void;
  #rowsMax = Number.POSITIVE_INFINITY;

  /** `onHalved` is told the new number of rows and what forced it. */
  constructor(onHalved: (rows: number, cause: KlatchError) => void = () => {}) {
    this.#onHalved = onHalved;
  }

  get rowsMax(): number {
    return this.#rowsMax;
  }

  /**
   * What `run` makes of the parts that `cut` makes with at most so many rows each.
   *
   * @throws KlatchError `memory` when one row does not fit either
   */
  async fit<T>(
    cut: (rowsMax: number) => readonly Batch[],
    run: (parts: readonly Batch[]) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const parts = cut(this.#rowsMax);
      try {
        return await run(parts);
      } catch (cause) {
        const rows = parts[0]?.shape.batch ?? 1;
        const memory = cause instanceof KlatchError && cause.code === "memory";
        if (!memory || rows === 1) throw cause;
        this.#rowsMax = Math.floor(rows / 2);
        this.#onHalved(this.#rowsMax, cause);
      }
    }
  }
}

import type { KlatchError } from "../../errors.ts";
import type { Batch } from "../batches/batch.ts";
import { isOutOfMemory } from "../engine/out-of-memory.ts";

/** How the parts of a batch run. */
export interface RunLimits {
  /** The most rows of one run of a training program. */
  readonly rowsMax: number;
  /** Whether the backward pass recomputes the blocks. */
  readonly recompute: boolean;
}

export interface MicroBatchOptions extends Partial<RunLimits> {
  /** Whether too little memory may turn recomputation on; it may unless said. */
  readonly mayRecompute?: boolean;
  /** Told the new limits and what forced them. */
  readonly onLowered?: (limits: RunLimits, cause: KlatchError) => void;
}

/**
 * How much of a batch one run of a training program takes. When the device runs out of memory, the batch starts over
 * with the blocks recomputed. If that is not enough, it starts over in more parts of half as many rows, whose
 * gradients add up: the same training. Recomputing comes first because it leaves the numbers as they are, while other
 * parts are added in another order. Besides, parts are from the beginning no larger than the engine has use for.
 */
export class MicroBatch {
  readonly #mayRecompute: boolean;
  readonly #onLowered: NonNullable<MicroBatchOptions["onLowered"]>;
  #limits: RunLimits;

  constructor(options: MicroBatchOptions = {}) {
    const { rowsMax = Number.POSITIVE_INFINITY, recompute = false } = options;
    this.#limits = { rowsMax, recompute };
    this.#mayRecompute = options.mayRecompute ?? true;
    this.#onLowered = options.onLowered ?? (() => {});
  }

  get limits(): RunLimits {
    return this.#limits;
  }

  /**
   * What `run` makes of the parts that `cut` makes with at most so many rows each.
   *
   * @throws KlatchError `memory` when one row does not fit either
   */
  async fit<T>(
    cut: (rowsMax: number) => readonly Batch[],
    run: (parts: readonly Batch[], recompute: boolean) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const parts = cut(this.#limits.rowsMax);
      try {
        return await run(parts, this.#limits.recompute);
      } catch (cause) {
        if (!isOutOfMemory(cause)) throw cause;
        const lower = this.#lower(parts[0]?.shape.batch ?? 1);
        if (lower === null) throw cause;
        this.#limits = lower;
        this.#onLowered(lower, cause);
      }
    }
  }

  #lower(rows: number): RunLimits | null {
    const { recompute } = this.#limits;
    if (!recompute && this.#mayRecompute) return { ...this.#limits, recompute: true };
    return rows === 1 ? null : { recompute, rowsMax: Math.floor(rows / 2) };
  }
}

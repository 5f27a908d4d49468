import type { DataSummary } from "../learner.ts";

/** One training example: BOS, the prompt (if any), the completion or text, EOS unless it was cut away. */
export interface Example {
  readonly ids: Int32Array;
  /** Loss counts on targets at index >= promptLength of `ids`; at least 1, because BOS is never a target. */
  readonly promptLength: number;
}

export interface Dataset {
  readonly examples: readonly Example[];
  readonly summary: DataSummary;
}

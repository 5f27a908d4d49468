/** One training example: BOS, the prompt (if any), the completion or text, EOS unless it was cut away. */
export interface Example {
  readonly ids: Int32Array;
  /** Loss counts on targets at index >= promptLength of `ids`; at least 1, because the first id is never a target. */
  readonly promptLength: number;
  /** The row was longer than the context and lost a part. */
  readonly truncated: boolean;
}

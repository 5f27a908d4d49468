/** What a compiled program is made for. */
export interface BatchShape {
  readonly batch: number;
  /** Positions of each row after padding. */
  readonly length: number;
  /** Rows of the output head: positions that carry loss, padded. */
  readonly lossRows: number;
  /** Whether every position carries loss, so that the rows need no gathering. */
  readonly everyPosition?: boolean;
  /** Whether rows hold several texts each. */
  readonly packed?: boolean;
  /** Tokens of the longest text, where no padding counts: a rotation may depend on it. `length` when absent. */
  readonly longest?: number;
}

/** One padded batch as a program takes it. */
export interface Batch {
  readonly shape: BatchShape;
  /** [batch, length]; empty for images. */
  readonly ids: BigInt64Array;
  /** The patches of images, [batch, patches, patchPixels]; absent for texts. */
  readonly pixels?: Float32Array;
  /** Indices into batch * length, [lossRows]; those beyond `tokens` are padding. Unused where examples have a class. */
  readonly positions: BigInt64Array;
  /** The id that follows each position, or each example's class, [lossRows]. */
  readonly targets: BigInt64Array;
  /** 1 / completion tokens of the whole batch where a loss counts, else 0, [lossRows, 1]. */
  readonly weights: Float32Array;
  /** Of packed rows: the text that each position belongs to, and the position in it; see `packedSequences`. */
  readonly packing?: { readonly texts: Float32Array; readonly places: BigInt64Array };
  /** Which example of the batch, as they lie in it, each loss row belongs to, [tokens]. */
  readonly owners: readonly number[];
  /** Completion tokens, or examples with a class. */
  readonly tokens: number;
  /** The classes of each row, where it may have any number of them. */
  readonly labels?: readonly (readonly number[])[];
  /** Positions of each row that has a class, zero for padding; empty for other batches. */
  readonly lengths: readonly number[];
}

/** The smallest of 8, 12, 16, 24, 32, 48, 64, 96 ... that holds `size`: at most a third is padding, few sizes exist. */
export function bucket(size: number): number {
  let power = 8;
  while (power < size) power *= 2;
  const between = (power * 3) / 4;
  return power > 8 && between >= size ? between : power;
}

/**
 * How the values of an adapter fall into slices of its rank. An update of rank r has the values of the first r slices, in
 * their order: those of an adapter that has no more.
 */
export class Ranks {
  /** For each value the slice that it is in. What has no rank is in the first: every update has it. */
  readonly #slices: Uint16Array;
  /** By rank, how many values an update of it has. */
  readonly #lengths: readonly number[];
  readonly #least: number;

  /** @param least - the lowest rank that updates may have */
  constructor(slices: Uint16Array, least = 1) {
    this.#slices = slices;
    this.#least = least;
    const counts: number[] = [0];
    for (const slice of slices) counts[slice + 1] = (counts[slice + 1] ?? 0) + 1;
    let sum = 0;
    this.#lengths = Array.from(counts, (count = 0) => {
      sum += count;
      return sum;
    });
  }

  /** Rank of the whole adapter. */
  get most(): number {
    return Math.max(1, this.#lengths.length - 1);
  }

  /** Values of an update of a rank. */
  lengthOf(rank: number): number {
    return this.#lengths[rank] ?? this.#slices.length;
  }

  /** The rank of updates of so many values; null where none may have so many. */
  rankOf(length: number): number | null {
    if (length === this.#slices.length) return this.most;
    const rank = this.#lengths.indexOf(length);
    return rank > 0 && rank >= this.#least ? rank : null;
  }

  /** The values of the slices from one to before another. */
  take(values: Float32Array, from: number, until: number): Float32Array {
    if (from === 0 && until >= this.most) return values;
    const taken = new Float32Array(this.lengthOf(until) - (from === 0 ? 0 : this.lengthOf(from)));
    let next = 0;
    for (let i = 0; i < values.length; i += 1) {
      const slice = this.#slices[i] as number;
      if (slice >= from && slice < until) taken[next++] = values[i] as number;
    }
    return taken;
  }

  /** Writes what {@link take} has taken back to its place. */
  put(into: Float32Array, taken: Float32Array, from: number, until: number): void {
    let next = 0;
    for (let i = 0; i < into.length; i += 1) {
      const slice = this.#slices[i] as number;
      if (slice >= from && slice < until) into[i] = taken[next++] as number;
    }
  }
}

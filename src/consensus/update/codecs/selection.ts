/** Digits of 31 bits, the highest first. */
const SHIFTS = [23, 15, 7, 0] as const;
const MAGNITUDE = 0x7fffffff;

/** Finds the largest of a chunk's values, of equals the first; its memory is used again from chunk to chunk. */
export class Selection {
  readonly places: Uint16Array;
  readonly #magnitudes: Uint32Array;
  readonly #histogram = new Int32Array(256);

  constructor(chunk: number) {
    this.places = new Uint16Array(chunk + 1);
    this.#magnitudes = new Uint32Array(chunk);
  }

  /** Fills the first `count` of `places` with those of the largest magnitudes, ascending; given the bits of the values. */
  take(values: Uint32Array, count: number): void {
    const { least, ties } = this.#cutOf(values, count);
    const { places } = this;
    let taken = 0;
    let equals = ties;
    // each place is written, and the next one over it unless it is taken: a branch would be guessed wrong
    for (let place = 0; place < values.length; place += 1) {
      const magnitude = (values[place] as number) & MAGNITUDE;
      places[taken] = place;
      taken += (least - magnitude) >>> 31;
      if (magnitude !== least || equals === 0) continue;
      taken += 1;
      equals -= 1;
    }
  }

  /** The least magnitude among the `count` largest, and how many of that magnitude are among them: by digits. */
  #cutOf(values: Uint32Array, count: number): { readonly least: number; readonly ties: number } {
    const magnitudes = this.#magnitudes;
    const histogram = this.#histogram;
    let [least, ties, size] = [0, count, values.length];
    magnitudes.set(values);
    for (const shift of SHIFTS) {
      const mask = shift === 0 ? 0x7f : 0xff;
      histogram.fill(0);
      for (let index = 0; index < size; index += 1) {
        const digit = ((magnitudes[index] as number) >>> shift) & mask;
        histogram[digit] = (histogram[digit] as number) + 1;
      }
      let digit = mask;
      for (; (histogram[digit] as number) < ties; digit -= 1) ties -= histogram[digit] as number;
      least |= digit << shift;
      let kept = 0;
      for (let index = 0; index < size; index += 1) {
        const magnitude = magnitudes[index] as number;
        magnitudes[kept] = magnitude;
        kept += ((((magnitude >>> shift) & mask) ^ digit) - 1) >>> 31;
      }
      size = kept;
    }
    return { least, ties };
  }
}

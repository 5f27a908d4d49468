/** Values of a chunk at most: the loss of rounding, and the table of sizes, are bounded for these. */
export const PLACES_CHUNK_MAX = 4096;

const LEAST_RANGE = 0x1000000;
const MOST_RANGE = 0xffffffff;
const WORD = 0x100000000;
const CODE_BYTES = 4;
/** Chunks whose rounding costs less than a bit together: each one of `length` values under .004 bits. */
const CHUNKS_PER_BIT = 256;

/**
 * Which of a chunk's values are told, as an arithmetic code (Rissanen 1976) whose model is exact: of `left` values that
 * come, `ones` are told. All choices of as many places are equally likely then, so each takes log2 of the binomial
 * coefficient, as in enumerative coding (Cover 1973): the size follows from the counts alone. Integers only.
 */
export class PlacesWriter {
  readonly #bytes: Uint8Array;
  #at = 0;
  #low = 0;
  #range = MOST_RANGE;

  /** Writes into bytes that are zeros, as many as {@link placesBytes} says. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The first `count` of `places`, ascending, among `length` values. */
  write(places: Uint16Array, count: number, length: number): void {
    let [low, range, from] = [this.#low, this.#range, 0];
    for (let index = 0; index < count; index += 1) {
      const ones = count - index;
      const place = places[index] as number;
      for (let at = from; at < place; at += 1) {
        range -= share(range, ones, length - at);
        if (range >= LEAST_RANGE) continue;
        low = this.#shifted(low);
        range *= 256;
      }
      const told = share(range, ones, length - place);
      low += range - told;
      if (low >= WORD) low = this.#carried(low);
      range = told;
      while (range < LEAST_RANGE) {
        low = this.#shifted(low);
        range *= 256;
      }
      from = place + 1;
    }
    this.#low = low;
    this.#range = range;
  }

  end(): void {
    for (let index = 0; index < CODE_BYTES; index += 1) this.#low = this.#shifted(this.#low);
  }

  #carried(low: number): number {
    let at = this.#at - 1;
    while (this.#bytes[at] === 0xff) {
      this.#bytes[at] = 0;
      at -= 1;
    }
    this.#bytes[at] = (this.#bytes[at] as number) + 1;
    return low - WORD;
  }

  #shifted(low: number): number {
    this.#bytes[this.#at] = low >>> 24;
    this.#at += 1;
    return (low << 8) >>> 0;
  }
}

/** Inverse of {@link PlacesWriter}: reads any bytes, never beyond them. */
export class PlacesReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** What the code is above the least one that begins as what was read. */
  #code = 0;
  #range = MOST_RANGE;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    for (let index = 0; index < CODE_BYTES; index += 1)
      this.#code = this.#code * 256 + this.#next();
  }

  /** Fills the first `count` of `places`, ascending, below `length`. */
  read(places: Uint16Array, count: number, length: number): void {
    let [code, range, at] = [this.#code, this.#range, 0];
    for (let index = 0; index < count; at += 1) {
      const told = share(range, count - index, length - at);
      const rest = range - told;
      if (code < rest) range = rest;
      else {
        code -= rest;
        range = told;
        places[index] = at;
        index += 1;
      }
      while (range < LEAST_RANGE) {
        code = code * 256 + this.#next();
        range *= 256;
      }
    }
    this.#code = code;
    this.#range = range;
  }

  /** Whether the writer would have written these bytes for what was read: it writes the least code of all. */
  isExact(): boolean {
    if (this.#code !== 0) return false;
    for (let at = this.#at; at < this.#bytes.length; at += 1) {
      if (this.#bytes[at] !== 0) return false;
    }
    return true;
  }

  #next(): number {
    const byte = this.#at < this.#bytes.length ? (this.#bytes[this.#at] as number) : 0;
    this.#at += 1;
    return byte;
  }
}

/** Bytes for the places of `full` chunks with `count` of `length` values told, and of one with a count of its own. */
export function placesBytes(
  full: { readonly chunks: number; readonly count: number; readonly length: number },
  last: { readonly count: number; readonly length: number },
): number {
  const bits =
    full.chunks * placesBits(full.count, full.length) + placesBits(last.count, last.length);
  return CODE_BYTES + Math.ceil((bits + Math.ceil((full.chunks + 1) / CHUNKS_PER_BIT)) / 8);
}

/** Bits that tell `count` of `length` places apart: the length of the binomial coefficient as a binary number. */
export function placesBits(count: number, length: number): number {
  const key = count * (PLACES_CHUNK_MAX + 1) + length;
  const known = BITS.get(key);
  if (known !== undefined) return known;
  let choices = 1n;
  for (let index = 1; index <= count; index += 1) {
    choices = (choices * BigInt(length - count + index)) / BigInt(index);
  }
  const bits = choices.toString(2).length;
  BITS.set(key, bits);
  return bits;
}

// --- internal ---

/** Half of what a quotient that is no integer is at least away from one. */
const HALF_STEP = 1 / (2 * PLACES_CHUNK_MAX);

/**
 * floor(range * ones / left) for a range below 2^32: exact, since the product is off by less than {@link HALF_STEP}. The
 * division does not wait for the range this way.
 */
function share(range: number, ones: number, left: number): number {
  return Math.floor(range * (ones / left) + HALF_STEP);
}

/** By count and length; the counts follow from the lengths, so there are few. */
const BITS = new Map<number, number>();

import { binaryExponent, bitsOf, powerOfTwo } from "./scales.ts";

/** A value is a sign and 2^exponent with one bit; with two, a sign and 1 or 3 times 2^exponent. */
export type Bits = 1 | 2;

/** 3 times the scale and its inverse are normal single-precision numbers. */
export const MOST_EXPONENT = 126;
/** In the place of an exponent: every value of the chunk is zero. */
export const ALL_ZERO = -128;

/** Binary orders of magnitude that are counted apart; the best scale of 4,096 values lies within 11 of the largest. */
const ORDERS = 16;

const MAGNITUDE = 0x7fffffff;

/**
 * The exponent with the least squared error for values that are not all zero, the smallest of equals; `largest` is their
 * largest magnitude. One pass: for a scale s the error is that of s = 0, plus n s^2 - 2 s (sum of magnitudes), and for
 * the values that take 3 s, those from 2 s on, 8 s^2 - 4 s (magnitude) more each.
 */
export function bestExponent(values: Float32Array, largest: number, bits: Bits): number {
  const top = binaryExponent(largest);
  const { counts, sums } = byOrder(values, top);
  let [sum, large, largeSum] = [0, 0, 0];
  for (let order = 0; order < ORDERS; order += 1) sum += sums[order] as number;
  let best = top + 1;
  let least = Number.POSITIVE_INFINITY;
  for (let order = 0; order < ORDERS; order += 1) {
    const exponent = top + 1 - order;
    if (exponent > MOST_EXPONENT) continue;
    if (exponent < -MOST_EXPONENT) break;
    if (bits === 2 && order >= 2) {
      large += counts[order - 2] as number;
      largeSum += sums[order - 2] as number;
    }
    const scale = powerOfTwo(exponent);
    const error = scale * (scale * (values.length + 8 * large) - 2 * (sum + 2 * largeSum));
    if (error > least) continue;
    best = exponent;
    least = error;
  }
  return best;
}

/** Writes the codes of values, the first in the lowest bits of a byte. */
export function writeCodes(
  values: Float32Array,
  exponent: number,
  bits: Bits,
  codes: Uint8Array,
): void {
  const all = bitsOf(values);
  const two = bits === 1 ? MAGNITUDE : (exponent + 128) << 23;
  let index = 0;
  for (let place = 0; index < values.length; place += 1) {
    const end = Math.min(index + 8 / bits, values.length);
    let byte = 0;
    for (let shift = 0; index < end; shift += bits, index += 1) {
      const value = all[index] as number;
      // one where the magnitude is 2^(exponent + 1) or more, without a branch that would be guessed wrong
      const isLarge = (two - 1 - (value & MAGNITUDE)) >>> 31;
      byte |= (((value >>> 31) << (bits - 1)) | isLarge) << shift;
    }
    codes[place] = byte;
  }
}

/** Inverse of {@link writeCodes}. */
export function readCodes(
  codes: Uint8Array,
  exponent: number,
  bits: Bits,
  values: Float32Array,
): void {
  const scale = powerOfTwo(exponent);
  const table = Float64Array.of(scale, bits === 1 ? -scale : 3 * scale, -scale, -3 * scale);
  const mask = 2 * bits - 1;
  for (let index = 0; index < values.length; index += 1) {
    const code = ((codes[(index * bits) >> 3] as number) >> ((index * bits) & 7)) & mask;
    values[index] = table[code] as number;
  }
}

// --- internal ---

/** Sums that are added up apart, so that none waits for the one before. */
const LANES = 4;

/** How many magnitudes have each order below the top one, and their sums; the last holds all that are smaller. */
function byOrder(values: Float32Array, top: number) {
  const counts = new Int32Array(ORDERS * LANES);
  const sums = new Float64Array(ORDERS * LANES);
  const all = bitsOf(values);
  for (let index = 0; index < values.length; index += 1) {
    const below = top + 127 - (((all[index] as number) >>> 23) & 0xff);
    const order = below < 0 ? 0 : below < ORDERS ? below : ORDERS - 1;
    const slot = order + ORDERS * (index & (LANES - 1));
    counts[slot] = (counts[slot] as number) + 1;
    sums[slot] = (sums[slot] as number) + Math.abs(values[index] as number);
  }
  for (let slot = ORDERS; slot < counts.length; slot += 1) {
    const order = slot & (ORDERS - 1);
    counts[order] = (counts[order] as number) + (counts[slot] as number);
    sums[order] = (sums[order] as number) + (sums[slot] as number);
  }
  return { counts, sums };
}

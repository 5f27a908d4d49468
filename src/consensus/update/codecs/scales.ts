import { nonFinite } from "./float32-codec.ts";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** 2^exponent from its bits, so that it is exact everywhere; a normal single-precision number from -126 to 127. */
export function powerOfTwo(exponent: number): number {
  bits[0] = (exponent + 127) << 23;
  return float[0] ?? 0;
}

/** k of m * 2^k with 1 <= m < 2; far below every exponent in use for zero and subnormal numbers. */
export function binaryExponent(value: number): number {
  float[0] = value;
  return (((bits[0] ?? 0) >>> 23) & 0xff) - 127;
}

/**
 * The largest magnitude among values from one place to another.
 *
 * @throws KlatchError `diverged` when one is not finite.
 */
export function largestMagnitude(values: Float32Array, from: number, to: number): number {
  let largest = 0;
  for (let index = from; index < to; index += 1) {
    const magnitude = Math.abs(values[index] ?? 0);
    // also false for NaN, so that it is caught here and not compared away
    if (!(magnitude < Number.POSITIVE_INFINITY)) throw nonFinite(index, values[index] ?? 0);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

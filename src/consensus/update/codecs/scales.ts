import { KlatchError } from "../../../errors.ts";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
const MAGNITUDE = 0x7fffffff;
const INFINITE = 0x7f800000;

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

/** The bits of the values, of the same memory: without the sign they order as the magnitudes do. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/**
 * The largest magnitude among values from one place to another.
 *
 * @throws KlatchError `diverged` when one is not finite.
 */
export function largestMagnitude(values: Float32Array, from: number, to: number): number {
  const all = bitsOf(values);
  let largest = 0;
  for (let index = from; index < to; index += 1) {
    const magnitude = (all[index] as number) & MAGNITUDE;
    if (magnitude > largest) largest = magnitude;
  }
  if (largest >= INFINITE) throw firstNonFinite(values, from);
  bits[0] = largest;
  return float[0] ?? 0;
}

/** The error for values that training should never have produced. */
export function nonFinite(index: number, value: number): KlatchError {
  return new KlatchError(
    "diverged",
    `Value ${index} of the update is ${value}: training diverged.`,
    "Lower the learning rate, or go on from an earlier checkpoint.",
  );
}

// --- internal ---

function firstNonFinite(values: Float32Array, from: number): KlatchError {
  let index = from;
  while (Number.isFinite(values[index])) index += 1;
  return nonFinite(index, values[index] as number);
}

import assert from "node:assert/strict";
import { endianness } from "node:os";

/** Element formats of a safetensors file that Klatch reads; all little-endian. */
export const FLOAT_BYTES = { F32: 4, BF16: 2, F16: 2 } as const;
export type FloatFormat = keyof typeof FLOAT_BYTES;

// Typed arrays are views of the bytes as they lie in the file.
assert.equal(endianness(), "LE", "Klatch needs a little-endian machine");

export function isFloatFormat(dtype: string): dtype is FloatFormat {
  return Object.hasOwn(FLOAT_BYTES, dtype);
}

/** bfloat16 is the upper half of a 32-bit float; fills the beginning of `target`. */
export function decodeBf16(bytes: Uint8Array, target: Float32Array): void {
  const half = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < half.length; i++) bits[i] = (half[i] ?? 0) << 16;
}

/** 32-bit floats in a format of a file; F32 is a view. */
export function encodeFloats(values: Float32Array, format: FloatFormat): Uint8Array {
  switch (format) {
    case "F32":
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case "BF16":
      return encodeBf16(values);
    case "F16":
      return encodeF16(values);
  }
}

/** Rounds to the nearest bfloat16, ties to even; NaN stays NaN. */
export function encodeBf16(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const half = new Uint16Array(values.length);
  for (let i = 0; i < half.length; i++) {
    const x = bits[i] ?? 0;
    const nan = (x & 0x7fffffff) > 0x7f800000;
    half[i] = nan ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(half.buffer);
}

/** IEEE 754 half precision: 1 sign bit, 5 exponent bits (bias 15), 10 mantissa bits. */
function halfToNumber(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 0x1f;
  const mantissa = h & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

let halfTable: Float32Array | undefined;

/** Fills the beginning of `target`. */
export function decodeF16(bytes: Uint8Array, target: Float32Array): void {
  // All 65,536 values once: a lookup is much cheaper than the arithmetic.
  halfTable ??= Float32Array.from({ length: 65_536 }, (_, h) => halfToNumber(h));
  const half = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  for (let i = 0; i < half.length; i++) target[i] = halfTable[half[i] ?? 0] ?? 0;
}

/** Rounds to the nearest half precision, ties to even; what is beyond 65,504 becomes an infinity, NaN stays NaN. */
export function encodeF16(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const half = new Uint16Array(values.length);
  for (let i = 0; i < half.length; i++) half[i] = halfBits(bits[i] ?? 0);
  return new Uint8Array(half.buffer);
}

/** The greatest magnitude of `values` where `encodeF16` would make an infinity of it, else null. */
export function beyondF16(values: Float32Array): number | null {
  let most = 0;
  for (let i = 0; i < values.length; i += 1) most = Math.max(most, Math.abs(values[i] ?? 0));
  return most < F16_LIMIT ? null : most;
}

/** The middle between 65,504 and the next step. */
const F16_LIMIT = 65_520;

function halfBits(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const rest = single & 0x7fffffff;
  if (rest > 0x7f800000) return sign | 0x7e00;
  // From the middle between 65,504 and the next step on.
  if (rest >= 0x477ff000) return sign | 0x7c00;
  // Normal: the exponent's bias changes from 127 to 15, 13 bits of the mantissa go.
  if (rest >= 0x38800000) return sign | roundedShift(rest - 0x38000000, 13);
  const exponent = rest >>> 23;
  // Below half of the least subnormal, 2^-24.
  if (exponent < 102) return sign;
  return sign | roundedShift((rest & 0x7fffff) | 0x800000, 126 - exponent);
}

/** value / 2^shift, rounded to nearest, ties to even. */
function roundedShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const lost = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return lost > half || (lost === half && (kept & 1) === 1) ? kept + 1 : kept;
}

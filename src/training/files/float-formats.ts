import assert from "node:assert/strict";
import { endianness } from "node:os";

/** Element formats of a safetensors file that Klatch reads; all little-endian. */
export const FLOAT_BYTES = { F32: 4, BF16: 2, F16: 2 } as const;
export type FloatFormat = keyof typeof FLOAT_BYTES;

// Typed arrays are views of the bytes as they lie in the file.
assert.equal(endianness(), "LE", "Klatch needs a little-endian machine");

/** bfloat16 is the upper half of a 32-bit float. */
export function decodeBf16(bytes: Uint8Array): Float32Array {
  const half = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  const bits = new Uint32Array(half.length);
  for (let i = 0; i < half.length; i++) bits[i] = (half[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
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

export function decodeF16(bytes: Uint8Array): Float32Array {
  // All 65,536 values once: a lookup is much cheaper than the arithmetic.
  halfTable ??= Float32Array.from({ length: 65_536 }, (_, h) => halfToNumber(h));
  const half = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  const values = new Float32Array(half.length);
  for (let i = 0; i < half.length; i++) values[i] = halfTable[half[i] ?? 0] ?? 0;
  return values;
}

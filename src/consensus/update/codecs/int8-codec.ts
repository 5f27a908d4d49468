import { type Codec, type Decoded, refuse } from "./codec.ts";
import { CODEC_HEADER_BYTES, refusalOfHeader, viewOf, writeHeader } from "./codec-header.ts";
import { nonFinite } from "./float32-codec.ts";

/** Values that share one scale. */
const CHUNK = 1024;

/** Exponents for which every scale, its inverse and 127 times it are normal single-precision numbers. */
const LEAST_EXPONENT = -121;
const MOST_EXPONENT = 121;
const MOST_LEVEL = 127;

/**
 * Eight bits a value: header, one signed exponent for each {@link CHUNK} values, one signed level for each value; a
 * value is level * 2^exponent. Scales are powers of two, so that a level times its scale, and sums of them in float64,
 * are exact: peers that must agree compute the same bits. Rounding is to the nearest level, ties away from zero; the
 * error of a value is at most 1/127 of the largest magnitude of its chunk, or 2^-122. Decoding what was encoded and
 * encoding it again gives the same bytes.
 */
export const int8Codec: Codec = {
  name: "int8",
  size: (length) => CODEC_HEADER_BYTES + Math.ceil(length / CHUNK) + length,
  encode: (values) => {
    const bytes = new Uint8Array(int8Codec.size(values.length));
    writeHeader(bytes, "int8", values.length);
    const chunks = Math.ceil(values.length / CHUNK);
    const exponents = new Int8Array(bytes.buffer, CODEC_HEADER_BYTES, chunks);
    const levels = new Int8Array(bytes.buffer, CODEC_HEADER_BYTES + chunks, values.length);
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      const from = chunk * CHUNK;
      const to = Math.min(values.length, from + CHUNK);
      const exponent = exponentFor(largestMagnitude(values, from, to));
      // within half a level of the largest float there is no level for it
      if (exponent > MOST_EXPONENT) throw nonFinite(from, Number.POSITIVE_INFINITY);
      exponents[chunk] = exponent;
      quantize(values.subarray(from, to), powerOfTwo(-exponent), levels.subarray(from, to));
    }
    return bytes;
  },
  decode: (bytes, length) => {
    const refusal = refusalOfHeader(bytes, "int8", length, int8Codec.size(length));
    if (refusal !== null) return refuse(refusal);
    return dequantize(bytes, length);
  },
};

function quantize(values: Float32Array, inverse: number, levels: Int8Array): void {
  for (let index = 0; index < values.length; index += 1) {
    const scaled = (values[index] ?? 0) * inverse;
    levels[index] = scaled < 0 ? -Math.floor(0.5 - scaled) : Math.floor(0.5 + scaled);
  }
}

function dequantize(bytes: Uint8Array, length: number): Decoded {
  const chunks = Math.ceil(length / CHUNK);
  const view = viewOf(bytes);
  const values = new Float32Array(length);
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const exponent = view.getInt8(CODEC_HEADER_BYTES + chunk);
    if (exponent < LEAST_EXPONENT || exponent > MOST_EXPONENT) return refuse("non-finite");
    const scale = powerOfTwo(exponent);
    const to = Math.min(length, (chunk + 1) * CHUNK);
    for (let index = chunk * CHUNK; index < to; index += 1) {
      const level = view.getInt8(CODEC_HEADER_BYTES + chunks + index);
      // the encoder is symmetric and has no such level
      if (level < -MOST_LEVEL) return refuse("malformed");
      values[index] = level * scale;
    }
  }
  return { ok: true, values };
}

function largestMagnitude(values: Float32Array, from: number, to: number): number {
  let largest = 0;
  for (let index = from; index < to; index += 1) {
    const magnitude = Math.abs(values[index] ?? 0);
    // also false for NaN, so that it is caught here and not compared away
    if (!(magnitude < Number.POSITIVE_INFINITY)) throw nonFinite(index, values[index] ?? 0);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/** The smallest exponent for which the magnitude rounds to level 127 or less. */
function exponentFor(magnitude: number): number {
  // magnitude = m * 2^k with 1 <= m < 2, so magnitude * 2^-(k-6) lies in [64, 128), and above 127.5 rounds to 128
  const exponent = Math.max(LEAST_EXPONENT, binaryExponent(magnitude) - 6);
  return magnitude * powerOfTwo(-exponent) < MOST_LEVEL + 0.5 ? exponent : exponent + 1;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** k of m * 2^k with 1 <= m < 2; far below every exponent in use for zero and subnormal numbers. */
function binaryExponent(value: number): number {
  float[0] = value;
  return (((bits[0] ?? 0) >>> 23) & 0xff) - 127;
}

/** 2^exponent from its bits, so that it is exact everywhere. */
function powerOfTwo(exponent: number): number {
  bits[0] = (exponent + 127) << 23;
  return float[0] ?? 0;
}

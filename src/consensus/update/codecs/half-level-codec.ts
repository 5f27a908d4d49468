import { type Codec, type CodecName, type Decoded, refuse } from "./codec.ts";
import { CODEC_HEADER_BYTES, refusalOfHeader, viewOf, writeHeader } from "./codec-header.ts";
import { binaryExponent, largestMagnitude, powerOfTwo } from "./scales.ts";

/** Values that share one scale. */
const CHUNK = 256;
/** 3 times the scale and its inverse are normal single-precision numbers. */
const MOST_EXPONENT = 126;
/** In the place of an exponent: every value of the chunk is zero. */
const ALL_ZERO = -128;
/** From the exponent of the root mean square down, as far as the best scale can lie. */
const EXPONENTS_BELOW = 2;

type Bits = 1 | 2;

/** One bit a value, its sign: signSGD's payload (Bernstein et al. 2018) with a magnitude for each chunk. */
export const signCodec = halfLevelCodec("sign", 1);

/** Two bits a value: its sign and one bit of its magnitude. */
export const int2Codec = halfLevelCodec("int2", 2);

/**
 * Levels without a zero among them (a mid-rise quantiser): header, one signed exponent for each {@link CHUNK} values,
 * then a code for each value, the first in the lowest bits of a byte. The upper bit of a code is the sign; a value is
 * 2^exponent with one bit, and 1 or 3 times it with two. The scale is that with the least squared error, the smallest of
 * equals. Sums of values are exact in float64.
 */
function halfLevelCodec(name: CodecName, bits: Bits): Codec {
  const size = (length: number) =>
    CODEC_HEADER_BYTES + Math.ceil(length / CHUNK) + Math.ceil((length * bits) / 8);
  return {
    name,
    size,
    encode: (values) => {
      const bytes = new Uint8Array(size(values.length));
      writeHeader(bytes, name, values.length);
      writeChunks(values, bits, bytes);
      return bytes;
    },
    decode: (bytes, length) => {
      const refusal = refusalOfHeader(bytes, name, length, size(length));
      return refusal === null ? readChunks(bytes, bits, length) : refuse(refusal);
    },
  };
}

function writeChunks(values: Float32Array, bits: Bits, bytes: Uint8Array): void {
  const chunks = Math.ceil(values.length / CHUNK);
  const codes = bytes.subarray(CODEC_HEADER_BYTES + chunks);
  for (let place = 0; place < chunks; place += 1) {
    const from = place * CHUNK;
    const part = values.subarray(from, from + CHUNK);
    const largest = largestMagnitude(values, from, from + part.length);
    const exponent = largest === 0 ? ALL_ZERO : bestExponent(part, bits);
    bytes[CODEC_HEADER_BYTES + place] = exponent;
    if (exponent !== ALL_ZERO) writeCodes(part, exponent, bits, codes.subarray((from * bits) / 8));
  }
}

function readChunks(bytes: Uint8Array, bits: Bits, length: number): Decoded {
  const chunks = Math.ceil(length / CHUNK);
  const exponents = viewOf(bytes);
  const codes = bytes.subarray(CODEC_HEADER_BYTES + chunks);
  const unused = 8 * codes.length - length * bits;
  if (unused > 0 && (codes.at(-1) as number) >> (8 - unused) !== 0) return refuse("malformed");
  const values = new Float32Array(length);
  for (let place = 0; place < chunks; place += 1) {
    const exponent = exponents.getInt8(CODEC_HEADER_BYTES + place);
    const from = place * CHUNK;
    const part = codes.subarray((from * bits) / 8, ((from + CHUNK) * bits) / 8);
    if (exponent === ALL_ZERO) {
      if (part.some((byte) => byte !== 0)) return refuse("malformed");
      continue;
    }
    if (Math.abs(exponent) > MOST_EXPONENT) return refuse("non-finite");
    readCodes(part, exponent, bits, values.subarray(from, from + CHUNK));
  }
  return { ok: true, values };
}

function writeCodes(values: Float32Array, exponent: number, bits: Bits, codes: Uint8Array): void {
  const two = 2 * powerOfTwo(exponent);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    const isLarge = bits === 2 && (value >= two || value <= -two);
    const code = (value < 0 ? bits : 0) | (isLarge ? 1 : 0);
    const place = (index * bits) >> 3;
    codes[place] = (codes[place] as number) | (code << ((index * bits) & 7));
  }
}

function readCodes(codes: Uint8Array, exponent: number, bits: Bits, values: Float32Array): void {
  const scale = powerOfTwo(exponent);
  const table = bits === 1 ? [scale, -scale] : [scale, 3 * scale, -scale, -3 * scale];
  const mask = table.length - 1;
  for (let index = 0; index < values.length; index += 1) {
    const code = ((codes[(index * bits) >> 3] as number) >> ((index * bits) & 7)) & mask;
    values[index] = table[code] as number;
  }
}

/** The exponent with the least squared error, for values that are not all zero. */
function bestExponent(values: Float32Array, bits: Bits): number {
  const widest = bounded(binaryExponent(rootMeanSquare(values)) + 1);
  let best = widest;
  let least = Number.POSITIVE_INFINITY;
  for (let exponent = bounded(widest - 1 - EXPONENTS_BELOW); exponent <= widest; exponent += 1) {
    const error = squaredError(values, exponent, bits);
    if (error >= least) continue;
    best = exponent;
    least = error;
  }
  return best;
}

function bounded(exponent: number): number {
  return Math.max(-MOST_EXPONENT, Math.min(MOST_EXPONENT, exponent));
}

function rootMeanSquare(values: Float32Array): number {
  let squares = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    squares += value * value;
  }
  return Math.sqrt(squares / values.length);
}

function squaredError(values: Float32Array, exponent: number, bits: Bits): number {
  const scale = powerOfTwo(exponent);
  let error = 0;
  for (let index = 0; index < values.length; index += 1) {
    const magnitude = Math.abs(values[index] as number);
    const lost = magnitude - (bits === 2 && magnitude >= 2 * scale ? 3 * scale : scale);
    error += lost * lost;
  }
  return error;
}

import { type Codec, type CodecName, type Decoded, refuse } from "./codec.ts";
import { CODEC_HEADER_BYTES, refusalOfHeader, viewOf, writeHeader } from "./codec-header.ts";
import {
  ALL_ZERO,
  type Bits,
  bestExponent,
  MOST_EXPONENT,
  readCodes,
  writeCodes,
} from "./half-levels.ts";
import { largestMagnitude } from "./scales.ts";

/** Values that share one scale. */
const CHUNK = 256;

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
  const size = (length: number) => CODEC_HEADER_BYTES + halfLevelBytes(length, bits);
  return {
    name,
    size,
    encode: (values) => {
      const bytes = new Uint8Array(size(values.length));
      writeHeader(bytes, name, values.length);
      writeHalfLevels(values, bits, bytes);
      return bytes;
    },
    decode: (bytes, length) => {
      const refusal = refusalOfHeader(bytes, name, length, size(length));
      return refusal === null ? readHalfLevels(bytes, bits, length) : refuse(refusal);
    },
  };
}

/** Bytes behind the header for so many values. */
export function halfLevelBytes(length: number, bits: Bits): number {
  return Math.ceil(length / CHUNK) + Math.ceil((length * bits) / 8);
}

/** Writes exponents and codes behind the header. */
export function writeHalfLevels(values: Float32Array, bits: Bits, bytes: Uint8Array): void {
  const chunks = Math.ceil(values.length / CHUNK);
  const codes = bytes.subarray(CODEC_HEADER_BYTES + chunks);
  for (let place = 0; place < chunks; place += 1) {
    const from = place * CHUNK;
    const part = values.subarray(from, from + CHUNK);
    const largest = largestMagnitude(values, from, from + part.length);
    const exponent = largest === 0 ? ALL_ZERO : bestExponent(part, largest, bits);
    bytes[CODEC_HEADER_BYTES + place] = exponent;
    if (exponent !== ALL_ZERO) writeCodes(part, exponent, bits, codes.subarray((from * bits) / 8));
  }
}

/** Inverse of {@link writeHalfLevels}, given bytes of the right number. */
export function readHalfLevels(bytes: Uint8Array, bits: Bits, length: number): Decoded {
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

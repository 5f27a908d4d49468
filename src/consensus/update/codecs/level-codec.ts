import { type Codec, type CodecName, type Decoded, refuse } from "./codec.ts";
import { CODEC_HEADER_BYTES, refusalOfHeader, viewOf, writeHeader } from "./codec-header.ts";
import { binaryExponent, bitsOf, largestMagnitude, nonFinite, powerOfTwo } from "./scales.ts";

/** What a codec of whole levels is made of. */
interface Levels {
  readonly name: CodecName;
  readonly bits: 4 | 8;
  /** Values that share one scale. */
  readonly chunk: number;
  readonly mostLevel: number;
  /** Every scale to here, its inverse and the most level times it are normal single-precision numbers. */
  readonly mostExponent: number;
  /** Whether smaller scales are tried, at which the largest values are cut: worth it where levels are few. */
  readonly hasCuts: boolean;
}

/** Eight bits a value; the error of one is at most 1/127 of the largest magnitude of its chunk, or 2^-122. */
export const int8Codec = levelCodec({
  ...{ name: "int8", bits: 8, chunk: 1024 },
  ...{ mostLevel: 127, mostExponent: 121, hasCuts: false },
});

/** Four bits a value. */
export const int4Codec = levelCodec({
  ...{ name: "int4", bits: 4, chunk: 256 },
  ...{ mostLevel: 7, mostExponent: 125, hasCuts: true },
});

/**
 * Whole levels around zero (a mid-tread quantiser): header, one signed exponent for each chunk, one signed level for
 * each value, the first of two in the lower half of a byte; a value is level * 2^exponent. Scales are powers of two, so
 * that a level times its scale, and sums of them in float64, are exact: peers that must agree compute the same bits.
 * Rounding is to the nearest level, ties away from zero; of the scales that are tried the one with the least squared
 * error is taken, the largest of equals.
 */
function levelCodec(of: Levels): Codec {
  const size = (length: number) =>
    CODEC_HEADER_BYTES + Math.ceil(length / of.chunk) + Math.ceil((length * of.bits) / 8);
  return {
    name: of.name,
    size,
    encode: (values) => {
      const bytes = new Uint8Array(size(values.length));
      writeHeader(bytes, of.name, values.length);
      writeLevels(of, values, bytes);
      return bytes;
    },
    decode: (bytes, length) => {
      const refusal = refusalOfHeader(bytes, of.name, length, size(length));
      return refusal === null ? readLevels(of, bytes, length) : refuse(refusal);
    },
  };
}

function writeLevels(of: Levels, values: Float32Array, bytes: Uint8Array): void {
  const chunks = Math.ceil(values.length / of.chunk);
  const body = bytes.subarray(CODEC_HEADER_BYTES + chunks);
  const levels = new Int8Array(of.chunk);
  for (let place = 0; place < chunks; place += 1) {
    const from = place * of.chunk;
    const part = values.subarray(from, from + of.chunk);
    const widest = widestExponent(of, largestMagnitude(values, from, from + part.length));
    // within half a level of the largest float there is no level for it
    if (widest > of.mostExponent) throw nonFinite(from, Number.POSITIVE_INFINITY);
    const exponent = bestExponent(of, part, widest);
    bytes[CODEC_HEADER_BYTES + place] = exponent;
    quantize(of, part, exponent, levels);
    packLevels(levels.subarray(0, part.length), of.bits, body.subarray((from * of.bits) / 8));
  }
}

function readLevels(of: Levels, bytes: Uint8Array, length: number): Decoded {
  const chunks = Math.ceil(length / of.chunk);
  const exponents = viewOf(bytes);
  const levels = unpackLevels(bytes.subarray(CODEC_HEADER_BYTES + chunks), of.bits, length);
  if (levels === null) return refuse("malformed");
  const values = new Float32Array(length);
  for (let place = 0; place < chunks; place += 1) {
    const exponent = exponents.getInt8(CODEC_HEADER_BYTES + place);
    if (Math.abs(exponent) > of.mostExponent) return refuse("non-finite");
    const from = place * of.chunk;
    const part = levels.subarray(from, from + of.chunk);
    const largest = dequantize(part, exponent, values.subarray(from));
    // the encoder is symmetric, and takes no larger scale than it needs
    const isNeeded = largest > of.mostLevel >> 1 || exponent === -of.mostExponent;
    if (largest > of.mostLevel || !isNeeded) return refuse("malformed");
  }
  return { ok: true, values };
}

/** The smallest exponent for which the magnitude rounds to the most level or less. */
function widestExponent({ bits, mostLevel, mostExponent }: Levels, magnitude: number): number {
  // magnitude = m * 2^k with 1 <= m < 2: scaled by 2^-(k-bits+2) it has the size of the upper half of the levels
  const exponent = Math.max(-mostExponent, binaryExponent(magnitude) - bits + 2);
  return magnitude * powerOfTwo(-exponent) < mostLevel + 0.5 ? exponent : exponent + 1;
}

/** The exponent with the least squared error, the largest of equals; finer scales cut off the largest values. */
function bestExponent(of: Levels, values: Float32Array, widest: number): number {
  if (!of.hasCuts) return widest;
  const errors = squaredErrors(of, values, widest);
  let cut = 0;
  for (let finer = 1; finer < errors.length && widest - finer >= -of.mostExponent; finer += 1) {
    if ((errors[finer] as number) < (errors[cut] as number)) cut = finer;
  }
  return widest - cut;
}

/** The squared errors at the widest scale, at half of it and at a quarter, all in units of the widest. */
function squaredErrors({ mostLevel }: Levels, values: Float32Array, widest: number) {
  const inverse = powerOfTwo(-widest);
  let [whole, half, quarter] = [0, 0, 0];
  for (let index = 0; index < values.length; index += 1) {
    const one = Math.abs((values[index] as number) * inverse);
    const lost = one - ((one + 0.5) | 0);
    whole += lost * lost;
    const two = 2 * one;
    const level2 = (two + 0.5) | 0;
    const lost2 = two - (level2 < mostLevel ? level2 : mostLevel);
    half += lost2 * lost2;
    const four = 4 * one;
    const level4 = (four + 0.5) | 0;
    const lost4 = four - (level4 < mostLevel ? level4 : mostLevel);
    quarter += lost4 * lost4;
  }
  return [whole, half / 4, quarter / 16] as const;
}

function quantize(
  { mostLevel }: Levels,
  values: Float32Array,
  exponent: number,
  levels: Int8Array,
): void {
  const inverse = powerOfTwo(-exponent);
  const signs = bitsOf(values);
  for (let index = 0; index < values.length; index += 1) {
    const rounded = (Math.abs((values[index] as number) * inverse) + 0.5) | 0;
    const magnitude = rounded < mostLevel ? rounded : mostLevel;
    const sign = (signs[index] as number) >> 31;
    levels[index] = (magnitude ^ sign) - sign;
  }
}

/** Two levels of four bits in a byte, the first in its lower half. */
function packLevels(levels: Int8Array, bits: 4 | 8, bytes: Uint8Array): void {
  if (bits === 8) bytes.set(levels);
  for (let index = 0; bits === 4 && index < levels.length; index += 2) {
    const second = index + 1 < levels.length ? (levels[index + 1] as number) : 0;
    bytes[index >> 1] = ((levels[index] as number) & 0xf) | ((second & 0xf) << 4);
  }
}

/** Writes the values; returns the largest magnitude of a level. */
function dequantize(levels: Int8Array, exponent: number, values: Float32Array): number {
  const scale = powerOfTwo(exponent);
  let largest = 0;
  for (let index = 0; index < levels.length; index += 1) {
    const level = levels[index] as number;
    const magnitude = level < 0 ? -level : level;
    if (magnitude > largest) largest = magnitude;
    values[index] = level * scale;
  }
  return largest;
}

/** Inverse of {@link packLevels}; null when bits beyond the last level are set. */
function unpackLevels(bytes: Uint8Array, bits: 4 | 8, length: number): Int8Array | null {
  if (bits === 8) return new Int8Array(bytes.buffer, bytes.byteOffset, length);
  if (length % 2 === 1 && (bytes[length >> 1] as number) > 0xf) return null;
  const levels = new Int8Array(length);
  for (let index = 0; index < length; index += 1) {
    const nibble = (bytes[index >> 1] as number) >> (4 * (index & 1));
    levels[index] = (nibble << 28) >> 28;
  }
  return levels;
}

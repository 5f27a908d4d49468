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
import { PlacesReader, PlacesWriter, placesBytes } from "./places.ts";
import { bitsOf, largestMagnitude } from "./scales.ts";
import { Selection } from "./selection.ts";

/** What a codec that tells a part of the values is made of. */
interface Share {
  readonly name: CodecName;
  readonly bits: Bits;
  /** Values that share one scale, and of which the largest are told. */
  readonly chunk: number;
  /** One of so many is told; of a shorter last chunk, rounded up. */
  readonly oneIn: number;
}

/** The largest 64 of 4,096 values, with a sign and one bit of magnitude: SparseLoCo's payload (2508.15706). */
export const sparseCodec = shareCodec({ name: "sparse", bits: 2, chunk: 4096, oneIn: 64 });

/** Zero, plus or minus one scale: the largest quarter of 4,096 values with their signs. */
export const ternaryCodec = shareCodec({ name: "ternary", bits: 1, chunk: 4096, oneIn: 4 });

/**
 * Tells a fixed share of each chunk's values, the largest, of equals the first; the others are zero. Header, one signed
 * exponent for each chunk, a code for each value that is told (as `sign` or `int2` have it), then the places of these as
 * one arithmetic code. A share that is fixed makes the size follow from the length alone: nothing needs a range of sizes.
 */
function shareCodec(of: Share): Codec {
  return {
    name: of.name,
    size: (length) => sizesOf(of, length).total,
    encode: (values) => {
      const bytes = new Uint8Array(sizesOf(of, values.length).total);
      writeHeader(bytes, of.name, values.length);
      writeChunks(of, values, bytes);
      return bytes;
    },
    decode: (bytes, length) => {
      const refusal = refusalOfHeader(bytes, of.name, length, sizesOf(of, length).total);
      return refusal === null ? readChunks(of, bytes, length) : refuse(refusal);
    },
  };
}

function writeChunks(of: Share, values: Float32Array, bytes: Uint8Array): void {
  const { codes, places } = partsOf(of, bytes, values.length);
  const writer = new PlacesWriter(places);
  const selection = new Selection(of.chunk);
  const told = new Float32Array(of.chunk / of.oneIn);
  for (let place = 0; place * of.chunk < values.length; place += 1) {
    const from = place * of.chunk;
    const part = values.subarray(from, from + of.chunk);
    const largest = largestMagnitude(values, from, from + part.length);
    bytes[CODEC_HEADER_BYTES + place] = ALL_ZERO;
    if (largest === 0) continue;
    const count = Math.ceil(part.length / of.oneIn);
    selection.take(bitsOf(part), count);
    for (let index = 0; index < count; index += 1) {
      told[index] = part[selection.places[index] as number] as number;
    }
    const chosen = told.subarray(0, count);
    const exponent = bestExponent(chosen, largest, of.bits);
    bytes[CODEC_HEADER_BYTES + place] = exponent;
    writeCodes(chosen, exponent, of.bits, codes.subarray((from / of.oneIn / 8) * of.bits));
    writer.write(selection.places, count, part.length);
  }
  writer.end();
}

function readChunks(of: Share, bytes: Uint8Array, length: number): Decoded {
  const { codes, places } = partsOf(of, bytes, length);
  const unused = 8 * codes.length - Math.ceil(length / of.oneIn) * of.bits;
  if (unused > 0 && (codes.at(-1) as number) >> (8 - unused) !== 0) return refuse("malformed");
  const exponents = viewOf(bytes);
  const reader = new PlacesReader(places);
  const found = new Uint16Array(of.chunk);
  const told = new Float32Array(of.chunk / of.oneIn);
  const values = new Float32Array(length);
  for (let place = 0; place * of.chunk < length; place += 1) {
    const exponent = exponents.getInt8(CODEC_HEADER_BYTES + place);
    const from = place * of.chunk;
    const size = Math.min(of.chunk, length - from);
    const count = Math.ceil(size / of.oneIn);
    const first = (from / of.oneIn / 8) * of.bits;
    if (exponent === ALL_ZERO) {
      const own = codes.subarray(first, first + Math.ceil((count * of.bits) / 8));
      if (own.some((byte) => byte !== 0)) return refuse("malformed");
      continue;
    }
    if (Math.abs(exponent) > MOST_EXPONENT) return refuse("non-finite");
    readCodes(codes.subarray(first), exponent, of.bits, told.subarray(0, count));
    reader.read(found, count, size);
    for (let index = 0; index < count; index += 1) {
      values[from + (found[index] as number)] = told[index] as number;
    }
  }
  return reader.isExact() ? { ok: true, values } : refuse("malformed");
}

// --- internal ---

function sizesOf(of: Share, length: number) {
  const chunks = Math.floor(length / of.chunk);
  const rest = length - chunks * of.chunk;
  const all = chunks + (rest > 0 ? 1 : 0);
  const codes = Math.ceil((Math.ceil(length / of.oneIn) * of.bits) / 8);
  const places = placesBytes(
    { chunks, count: of.chunk / of.oneIn, length: of.chunk },
    { count: Math.ceil(rest / of.oneIn), length: rest },
  );
  return { exponents: all, codes, total: CODEC_HEADER_BYTES + all + codes + places };
}

function partsOf(of: Share, bytes: Uint8Array, length: number) {
  const sizes = sizesOf(of, length);
  const first = CODEC_HEADER_BYTES + sizes.exponents;
  return {
    codes: bytes.subarray(first, first + sizes.codes),
    places: bytes.subarray(first + sizes.codes),
  };
}

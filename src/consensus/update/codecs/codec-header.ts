import { CODEC_NUMBERS, type CodecName, type DecodeReason } from "./codec.ts";

/** "KLCU", version, codec, two zero bytes, number of values (unsigned 32 bit, little-endian). */
export const CODEC_HEADER_BYTES = 12;

const MAGIC = [0x4b, 0x4c, 0x43, 0x55] as const;
const VERSION = 1;

/** Writes the header that every payload begins with. */
export function writeHeader(bytes: Uint8Array, codec: CodecName, count: number): void {
  bytes.set([...MAGIC, VERSION, CODEC_NUMBERS[codec], 0, 0]);
  viewOf(bytes).setUint32(8, count, true);
}

/** The number of values that a payload says it has; null of bytes that are no header. */
export function countIn(bytes: Uint8Array): number | null {
  return bytes.byteLength < CODEC_HEADER_BYTES ? null : viewOf(bytes).getUint32(8, true);
}

/** Why the payload cannot be one of `count` values in `size` bytes; null when it can. Allocates nothing. */
export function refusalOfHeader(
  bytes: Uint8Array,
  codec: CodecName,
  count: number,
  size: number,
): DecodeReason | null {
  if (bytes.byteLength < CODEC_HEADER_BYTES) return "malformed";
  const expected = [...MAGIC, VERSION, CODEC_NUMBERS[codec], 0, 0];
  if (expected.some((byte, index) => bytes[index] !== byte)) return "malformed";
  if (viewOf(bytes).getUint32(8, true) !== count) return "wrong-shape";
  // missing bytes and trailing bytes alike
  return bytes.byteLength === size ? null : "malformed";
}

/** A view of exactly these bytes, wherever they lie in their buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

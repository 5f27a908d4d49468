import { type Cursor, nextByte, nextCount, skip } from "./thrift.ts";

interface Blocks {
  readonly parts: number;
  readonly partValues: number;
}

/** The head of differences packed by blocks; sizes below one would let the library go back or stay where it is. */
export function checkDeltaHead(cursor: Cursor): Blocks {
  const block = nextCount(cursor);
  const parts = nextCount(cursor);
  nextCount(cursor);
  const isWhole = parts > 0 && parts <= cursor.bytes.length && block % (parts * 8) === 0;
  if (block < 1 || !isWhole) throw new RangeError(`blocks of ${block} values in ${parts} parts`);
  return { parts, partValues: block / parts };
}

/**
 * Follows `count` lengths of 32 bits to their end, https://parquet.apache.org/docs/file-format/data-pages/encodings/
 * (DELTA_BINARY_PACKED = 5).
 *
 * @returns the sum of the lengths above zero
 */
export function followLengths(cursor: Cursor, count: number): number {
  const { parts, partValues } = checkDeltaHead(cursor);
  const [low] = lowBits(cursor);
  let value = (low >>> 1) ^ -(low & 1);
  let sum = count > 0 ? Math.max(value, 0) : 0;
  for (let seen = 1; seen < count; ) {
    const least = difference(cursor);
    const widths = cursor.bytes.subarray(cursor.at, cursor.at + parts);
    skip(cursor, parts);
    for (const width of widths) {
      if (seen >= count) break;
      if (width > 64) throw new RangeError(`values of ${width} bits`);
      const taken = Math.min(partValues, count - seen);
      for (let i = 0; i < taken; i += 1) {
        value = (value + least + bitsAt(cursor, i * width, Math.min(width, 32))) | 0;
        sum += Math.max(value, 0);
      }
      cursor.at += (partValues * width) / 8;
      seen += taken;
    }
  }
  return sum;
}

// --- internal ---

/** The lower 32 bits of a number of at most five bytes, and the bit above them. */
function lowBits(cursor: Cursor): readonly [low: number, high: number] {
  let low = 0;
  for (let i = 0; i < 5; i += 1) {
    const byte = nextByte(cursor);
    low |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return [low, i === 4 ? (byte >>> 4) & 1 : 0];
  }
  throw new RangeError("a number of more than five bytes");
}

function difference(cursor: Cursor): number {
  const [low, high] = lowBits(cursor);
  return ((low >>> 1) | (high << 31)) ^ -(low & 1);
}

function bitsAt({ bytes, at }: Cursor, first: number, width: number): number {
  let value = 0;
  for (let bit = 0; bit < width; bit += 1) {
    const byte = bytes[at + ((first + bit) >>> 3)];
    if (byte === undefined) throw new RangeError("it ends within a value");
    value |= ((byte >>> ((first + bit) & 7)) & 1) << bit;
  }
  return value;
}

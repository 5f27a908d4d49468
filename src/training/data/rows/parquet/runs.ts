import { type Cursor, nextByte, nextCount, skip } from "./thrift.ts";

const WIDTH_MAX = 24;
/** Writers fill up the last bits with zeros; the library leaves out what is too much. */
const SPARE_VALUES = 512;

/**
 * Follows the runs of `count` values of `width` bits to their end,
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/ (RLE = 3). A run that goes on beyond the last
 * value would make the library's arrays grow without end.
 *
 * @returns how many of the values are `wanted`
 */
export function followRuns(cursor: Cursor, width: number, count: number, wanted = -1): number {
  if (width > WIDTH_MAX) throw new RangeError(`values of ${width} bits`);
  let found = 0;
  for (let left = count; left > 0; ) {
    const head = nextCount(cursor);
    const run = head & 1 ? packedRun : repeatedRun;
    const [taken, hits] = run(cursor, head >>> 1, width, left, wanted);
    left -= taken;
    found += hits;
  }
  return found;
}

// --- internal ---

type Run = readonly [taken: number, wanted: number];

function beyond(run: number, left: number): RangeError {
  return new RangeError(`a run of ${run} values where ${left} are left`);
}

/** Values one after the other, in groups of eight. */
function packedRun(
  cursor: Cursor,
  groups: number,
  width: number,
  left: number,
  wanted: number,
): Run {
  if (groups === 0 || groups * 8 > left + SPARE_VALUES) throw beyond(groups * 8, left);
  const from = cursor.at;
  // The library reads a byte of values without bits too.
  skip(cursor, Math.max(groups * width, 1));
  const taken = Math.min(groups * 8, left);
  return [taken, wanted < 0 ? 0 : countPacked(cursor.bytes, from, width, taken, wanted)];
}

/** One value, so many times. */
function repeatedRun(
  cursor: Cursor,
  length: number,
  width: number,
  left: number,
  wanted: number,
): Run {
  if (length > left) throw beyond(length, left);
  let value = 0;
  for (let bit = 0; bit < width; bit += 8) value |= nextByte(cursor) << bit;
  return [length, value === wanted ? length : 0];
}

function countPacked(
  bytes: Uint8Array,
  from: number,
  width: number,
  count: number,
  wanted: number,
): number {
  const mask = (1 << width) - 1;
  let found = 0;
  for (let i = 0, bit = 0; i < count; i += 1, bit += width) {
    const at = from + (bit >> 3);
    let word = 0;
    for (let k = 0; k * 8 < width + (bit & 7); k += 1) word += (bytes[at + k] ?? 0) * 2 ** (8 * k);
    if ((Math.floor(word / 2 ** (bit & 7)) & mask) === wanted) found += 1;
  }
  return found;
}

import { checkDeltaHead, followLengths } from "./deltas.ts";
import type { PageHeader } from "./page-header.ts";
import { followRuns } from "./runs.ts";
import { type Cursor, nextByte, skip } from "./thrift.ts";

/** What of a column says how its values are stored. */
export interface ColumnShape {
  readonly type: string;
  readonly typeLength: number | undefined;
  readonly repetitionMax: number;
  readonly definitionMax: number;
}

const ENCODING = { plain: 0, plainDictionary: 2, runs: 3, delta: 5, deltaLength: 6, deltaBytes: 7 };
const RUN_ENCODINGS: readonly number[] = [ENCODING.plainDictionary, ENCODING.runs, 8];
const BYTE_STREAM_SPLIT = 9;
/** Bytes that a value takes at least where it is stored plain; of text its length. */
const PLAIN_BYTES: Readonly<Record<string, number>> = {
  BOOLEAN: 1 / 8,
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
  BYTE_ARRAY: 4,
};

/**
 * Follows a page through to its last value, as the library will read it. So the library takes no more time and memory
 * than the page's bytes and number of values say.
 *
 * @param unpacked the page; of the second version without its levels
 * @param levels the levels of a page of the second version, and what lies behind them
 * @returns bytes that the values take beside the page's own
 * @throws RangeError where the page says otherwise than it is
 */
export function checkPageValues(
  header: PageHeader,
  column: ColumnShape,
  unpacked: Uint8Array,
  levels: Uint8Array,
): number {
  const cursor: Cursor = { bytes: unpacked, at: 0 };
  if (header.kind === "dictionary") {
    checkPlain(cursor, column, header.values);
    return 0;
  }
  const isSecond = header.kind === "data 2";
  const count = isSecond
    ? checkLevelsBefore(header, column, levels)
    : checkLevelsWithin(cursor, header, column);
  return checkEncoded(cursor, header.encoding, column, count, isSecond);
}

// --- internal ---

const bits = (max: number) => 32 - Math.clz32(max);

/** Levels of the second version lie in front of the page and tell their length in its header. */
function checkLevelsBefore(header: PageHeader, column: ColumnShape, bytes: Uint8Array): number {
  const { repetitionMax, definitionMax } = column;
  if (repetitionMax > 0) followRuns({ bytes, at: 0 }, bits(repetitionMax), header.values);
  const cursor = { bytes, at: header.repetitionBytes };
  if (definitionMax > 0) followRuns(cursor, bits(definitionMax), header.values);
  return header.values - header.nulls;
}

/** Levels of the first version lie in the page, each with its length in front. */
function checkLevelsWithin(cursor: Cursor, { values }: PageHeader, column: ColumnShape): number {
  const { repetitionMax, definitionMax } = column;
  if (repetitionMax > 0) followMeasured(cursor, bits(repetitionMax), values);
  if (definitionMax === 0) return values;
  return followMeasured(cursor, bits(definitionMax), values, definitionMax);
}

function followMeasured(cursor: Cursor, width: number, count: number, wanted = -1): number {
  const { bytes, at } = cursor;
  skip(cursor, 4);
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  const found = followRuns(cursor, width, count, wanted);
  cursor.at = at + 4;
  skip(cursor, length);
  return found;
}

function checkPlain(cursor: Cursor, { type, typeLength }: ColumnShape, count: number): void {
  const each = PLAIN_BYTES[type] ?? typeLength ?? 0;
  if (count > 0 && !(each > 0)) throw new RangeError(`values of the type ${type} without a length`);
  checkRoom(cursor, each, count);
}

function checkRoom({ bytes, at }: Cursor, each: number, count: number): void {
  if (Math.ceil(count * each) > bytes.length - at) {
    throw new RangeError(
      `${count} values of ${each} bytes in a page with ${bytes.length - at} left`,
    );
  }
}

function checkEncoded(
  cursor: Cursor,
  encoding: number,
  column: ColumnShape,
  count: number,
  isSecond: boolean,
): number {
  if (encoding === ENCODING.plain) checkPlain(cursor, column, count);
  else if (encoding === BYTE_STREAM_SPLIT) checkPlain(cursor, column, count);
  else if (encoding === ENCODING.delta) checkDeltaHead(cursor);
  else if (encoding === ENCODING.deltaLength) return followLengths(cursor, count);
  else if (encoding === ENCODING.deltaBytes) {
    return followLengths(cursor, count) + followLengths(cursor, count);
  } else if (RUN_ENCODINGS.includes(encoding)) {
    checkRuns(cursor, column, count, encoding === ENCODING.runs, isSecond);
  } else throw new RangeError(`the unknown encoding ${encoding}`);
  return 0;
}

/** Truth values have their length in front, all others the width of the positions in the dictionary. */
function checkRuns(
  cursor: Cursor,
  { type }: ColumnShape,
  count: number,
  isRuns: boolean,
  isSecond: boolean,
): void {
  if (isSecond ? isRuns : type === "BOOLEAN") followMeasured(cursor, 1, count);
  else {
    const width = nextByte(cursor);
    // The library takes the first version's values of no width for zeros without reading on.
    if (isSecond || width > 0) followRuns(cursor, width, count);
  }
}

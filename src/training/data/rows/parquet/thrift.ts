/** A field's value: of bytes their number alone. */
export type ThriftValue = number | boolean | ThriftStruct | readonly ThriftValue[];
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

/** A place in bytes that moves on as they are read. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

const DEPTH_MAX = 24;
const TYPE = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
};

export function nextByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at];
  if (byte === undefined) throw new RangeError("it ends within a value");
  cursor.at += 1;
  return byte;
}

export function skip(cursor: Cursor, length: number): void {
  if (length > cursor.bytes.length - cursor.at) throw new RangeError("it ends within a value");
  cursor.at += length;
}

/** A count in seven bits a byte, of 31 bits at most. */
export function nextCount(cursor: Cursor): number {
  const count = varint(cursor, 5);
  if (count >= 2 ** 31) throw new RangeError(`a count of ${count}`);
  return count;
}

/**
 * One struct of Thrift's compact protocol,
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md, with all that is in it; the
 * cursor moves behind it.
 *
 * @throws RangeError for lists longer than the bytes, structs nested deeper than Parquet's, more than `valuesMax`
 *   values
 */
export function readStruct(cursor: Cursor, valuesMax: number): ThriftStruct {
  return struct(cursor, { values: valuesMax }, 0);
}

// --- internal ---

interface Left {
  values: number;
}

function varint(cursor: Cursor, bytesMax: number): number {
  let result = 0;
  for (let i = 0; i < bytesMax; i += 1) {
    const byte = nextByte(cursor);
    result += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return result;
  }
  throw new RangeError(`a number of more than ${bytesMax} bytes`);
}

function zigzag(cursor: Cursor): number {
  const value = varint(cursor, 10);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function struct(cursor: Cursor, left: Left, depth: number): ThriftStruct {
  if (depth > DEPTH_MAX) throw new RangeError("structs nested too deep");
  const fields = new Map<number, ThriftValue>();
  let field = 0;
  for (let head = nextByte(cursor); (head & 0x0f) !== 0; head = nextByte(cursor)) {
    field = head >> 4 ? field + (head >> 4) : zigzag(cursor);
    fields.set(field, element(cursor, head & 0x0f, left, depth));
  }
  return fields;
}

function element(cursor: Cursor, type: number, left: Left, depth: number): ThriftValue {
  left.values -= 1;
  if (left.values < 0) throw new RangeError("more values than are read");
  switch (type) {
    case TYPE.true:
    case TYPE.false:
      return type === TYPE.true;
    case TYPE.byte:
      return nextByte(cursor);
    case TYPE.i16:
    case TYPE.i32:
    case TYPE.i64:
      return zigzag(cursor);
    case TYPE.double:
      skip(cursor, 8);
      return 0;
    case TYPE.binary: {
      const length = nextCount(cursor);
      skip(cursor, length);
      return length;
    }
    case TYPE.list:
      return list(cursor, left, depth + 1);
    case TYPE.struct:
      return struct(cursor, left, depth + 1);
    default:
      throw new RangeError(`a value of the unknown type ${type}`);
  }
}

function list(cursor: Cursor, left: Left, depth: number): readonly ThriftValue[] {
  if (depth > DEPTH_MAX) throw new RangeError("lists nested too deep");
  const head = nextByte(cursor);
  const length = head >> 4 === 15 ? nextCount(cursor) : head >> 4;
  if (length > cursor.bytes.length - cursor.at) throw new RangeError(`a list of ${length} values`);
  const type = head & 0x0f;
  // In lists truth has a byte of its own.
  const each = type === TYPE.true || type === TYPE.false ? TYPE.byte : type;
  return Array.from({ length }, () => element(cursor, each, left, depth));
}

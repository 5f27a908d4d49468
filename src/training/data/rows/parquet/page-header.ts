import { type Cursor, readStruct, type ThriftStruct, type ThriftValue } from "./thrift.ts";

const HEADER_VALUES_MAX = 256;
const KINDS = ["data", "index", "dictionary", "data 2"] as const;
const FIELD_OF_KIND = { data: 5, dictionary: 7, "data 2": 8 };

/** What a page says of itself, https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
export interface PageHeader {
  readonly kind: keyof typeof FIELD_OF_KIND;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly values: number;
  /** Position in the list of encodings. */
  readonly encoding: number;
  /** Of pages of the second version, whose levels are stored unpacked in front of the values. */
  readonly nulls: number;
  readonly repetitionBytes: number;
  readonly definitionBytes: number;
  readonly isPacked: boolean;
}

function numberAt(fields: ThriftStruct, field: number, what: string): number {
  const value: ThriftValue | undefined = fields.get(field);
  if (typeof value !== "number" || value < 0 || value >= 2 ** 31) {
    throw new RangeError(`a page with ${what} ${typeof value === "number" ? value : "missing"}`);
  }
  return value;
}

/** Reads the header of a page; a size that is missing or below zero would set the library back to where it was. */
export function readPageHeader(cursor: Cursor): PageHeader {
  const fields = readStruct(cursor, HEADER_VALUES_MAX);
  const kind = KINDS[numberAt(fields, 1, "kind")];
  if (kind === undefined || kind === "index") throw new RangeError("a page of an unknown kind");
  const own = fields.get(FIELD_OF_KIND[kind]);
  if (!(own instanceof Map)) throw new RangeError("a page without the header of its kind");
  const isSecond = kind === "data 2";
  const header: PageHeader = {
    kind,
    unpackedBytes: numberAt(fields, 2, "size"),
    storedBytes: numberAt(fields, 3, "stored size"),
    values: numberAt(own, 1, "number of values"),
    encoding: numberAt(own, isSecond ? 4 : 2, "encoding"),
    nulls: isSecond ? numberAt(own, 2, "number of nulls") : 0,
    definitionBytes: isSecond ? numberAt(own, 5, "size of levels") : 0,
    repetitionBytes: isSecond ? numberAt(own, 6, "size of levels") : 0,
    isPacked: own.get(7) !== false,
  };
  if (isSecond) numberAt(own, 3, "number of rows");
  checkSizes(header, cursor);
  return header;
}

function checkSizes(header: PageHeader, { bytes, at }: Cursor): void {
  const levels = header.repetitionBytes + header.definitionBytes;
  if (header.storedBytes > bytes.length - at) {
    throw new RangeError(
      `a page of ${header.storedBytes} bytes where ${bytes.length - at} are left`,
    );
  }
  if (levels > header.storedBytes || levels > header.unpackedBytes) {
    throw new RangeError(`${levels} bytes of levels in a page of ${header.storedBytes}`);
  }
  if (header.nulls > header.values) {
    throw new RangeError(`${header.nulls} nulls among ${header.values} values`);
  }
}

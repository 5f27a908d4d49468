import type { ColumnMetaData, FileMetaData, RowGroup, SchemaTree } from "hyparquet";
import { parquetSchema } from "hyparquet";
import { CODECS } from "./codecs.ts";
import { type PageHeader, readPageHeader } from "./page-header.ts";
import { type ColumnShape, checkPageValues } from "./page-values.ts";
import type { Cursor } from "./thrift.ts";

/** What the library takes at once, and what a whole file may make it do. */
export interface Limits {
  /** Bytes of a row group as stored, as unpacked, and of values that repeat. */
  readonly bytes: number;
  /** Values that are unpacked at once, of all columns of a row group. One that repeats costs the file nothing. */
  readonly values: number;
  /** Values of the file. */
  readonly fileValues: number;
}

/** Thrown for a row group that may be undamaged, but is larger than what is read. */
export class TooMuch extends Error {}

interface Column extends ColumnShape {
  /** Its place among the columns, from 1: their names may be a row of a table without a header. */
  readonly number: number;
  readonly codec: string;
  /** Neither a list nor within an object: the library unpacks its pages one by one. */
  readonly isFlat: boolean;
  readonly from: number;
  readonly to: number;
}

type Slice = (start: number, end: number) => PromiseLike<ArrayBuffer> | ArrayBuffer;

/**
 * Checks all pages of a row group's columns before the library reads them. The library trusts what a page says: wrong
 * numbers can set it back to where it was, so that it never ends, or have it make arrays of any size.
 *
 * @returns the number of values in the group
 * @throws RangeError for damaged pages, TooMuch for a group beyond the limits
 */
export async function checkColumns(
  group: RowGroup,
  metadata: FileMetaData,
  slice: Slice,
  limits: Limits,
): Promise<number> {
  const rows = Number(group.num_rows);
  const schema = parquetSchema(metadata);
  const columns = group.columns.map((each, i) => columnOf(each.meta_data, schema, i + 1));
  if (!Number.isSafeInteger(rows) || rows < 0) throw new RangeError(`${rows} rows`);
  if (columns.length === 0 && rows > 0) throw new RangeError(`${rows} rows without a column`);
  const taken: Taken = { bytes: 0, values: 0, fileValues: 0 };
  for (const { from, to } of columns) take(taken, limits, { bytes: to - from });
  for (const column of columns) {
    const bytes = new Uint8Array(await slice(column.from, column.to));
    checkPages({ bytes, at: 0 }, column, rows, (more) => take(taken, limits, more));
  }
  return taken.fileValues;
}

// --- internal ---

type Taken = { -readonly [Key in keyof Limits]: number };

function take(taken: Taken, limits: Limits, more: Partial<Limits>): void {
  taken.bytes += more.bytes ?? 0;
  taken.values += more.values ?? 0;
  taken.fileValues += more.fileValues ?? 0;
  if (taken.bytes > limits.bytes) throw new TooMuch(`more than ${limits.bytes} bytes`);
  if (taken.values > limits.values) throw new TooMuch(`more than ${limits.values} values at once`);
  if (taken.fileValues > limits.fileValues) {
    throw new TooMuch(`more than the ${limits.fileValues} values that a file of its size may have`);
  }
}

function columnOf(chunk: ColumnMetaData | undefined, schema: SchemaTree, number: number): Column {
  if (!chunk) throw new RangeError(`column ${number} has no description`);
  const path = pathOf(schema, chunk.path_in_schema);
  if (!path) throw new RangeError(`column ${number} is not in its schema`);
  const leaf = path.at(-1);
  const repetition = path.map(({ element }) => element.repetition_type);
  const from = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const to = from + Number(chunk.total_compressed_size);
  if (!leaf || leaf.children.length > 0 || !(from >= 0 && to >= from)) {
    throw new RangeError(`column ${number} is none`);
  }
  return {
    number,
    codec: chunk.codec,
    type: chunk.type,
    typeLength: leaf.element.type_length,
    repetitionMax: repetition.filter((each) => each === "REPEATED").length,
    definitionMax: repetition.filter((each) => each !== "REQUIRED").length,
    isFlat: path.length === 1 && repetition[0] !== "REPEATED",
    from,
    to,
  };
}

function pathOf(root: SchemaTree, names: readonly string[]): readonly SchemaTree[] | null {
  const path: SchemaTree[] = [];
  for (const name of names) {
    const parent = path.at(-1) ?? root;
    const child = parent.children.find(({ element }) => element.name === name);
    if (!child) return null;
    path.push(child);
  }
  return path;
}

/**
 * Checks the pages that the library will read. It leaves the last byte of a column alone, and in flat columns
 * whatever follows their last row.
 */
function checkPages(
  cursor: Cursor,
  column: Column,
  rows: number,
  takeMore: (more: Partial<Limits>) => void,
): void {
  let values = 0;
  let largest = 0;
  while (cursor.at < cursor.bytes.length - 1 && !(column.isFlat && values >= rows)) {
    const header = readPageHeader(cursor);
    const atOnce = column.isFlat ? Math.max(header.values - largest, 0) : header.values;
    // First what the header claims, then what the page does.
    takeMore({ bytes: header.unpackedBytes, values: atOnce, fileValues: header.values });
    takeMore({ bytes: checkPage(cursor, header, column) });
    cursor.at += header.storedBytes;
    largest = Math.max(largest, header.values);
    if (header.kind !== "dictionary") values += header.values;
  }
  if (column.isFlat ? values !== rows : values < rows) {
    throw new RangeError(`${values} values of column ${column.number} for ${rows} rows`);
  }
}

function checkPage({ bytes, at }: Cursor, header: PageHeader, column: Column): number {
  const stored = bytes.subarray(at, at + header.storedBytes);
  const levelBytes = header.repetitionBytes + header.definitionBytes;
  const packed = stored.subarray(levelBytes);
  const isPacked = header.isPacked && column.codec !== "UNCOMPRESSED";
  const length = header.unpackedBytes - levelBytes;
  const unpacked = isPacked ? unpack(packed, length, column.codec) : packed;
  return checkPageValues(header, column, unpacked, stored);
}

function unpack(packed: Uint8Array, length: number, codec: string): Uint8Array {
  const bytes = CODECS[codec as keyof typeof CODECS]?.(packed, length);
  if (bytes?.length !== length) {
    throw new RangeError(`a page of ${length} bytes (${codec}) unpacks to ${bytes?.length}`);
  }
  return bytes;
}

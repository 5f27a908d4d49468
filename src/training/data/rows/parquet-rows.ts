import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { type AsyncBuffer, type FileMetaData, parquetReadObjects, type RowGroup } from "hyparquet";
import { KlatchError } from "../../../errors.ts";
import { fileError, oneLine, readExactly } from "../../files/file-access.ts";
import { JsonNumber } from "./json-number.ts";
import { JsonObject } from "./json-object.ts";
import { checkColumns, type Limits, TooMuch } from "./parquet/check-columns.ts";
import { CODECS } from "./parquet/codecs.ts";
import { type FloatPlaces, floatPlaces, writtenFloat } from "./parquet/floats.ts";
import { readFooter } from "./parquet/footer.ts";
import { BATCH_ROWS, type Row, type RowBatches } from "./row.ts";
import { parseRowJson } from "./row-json.ts";

const MAGIC = "PAR1";
/** A row group is in memory at a time; writers make them of some hundred megabytes at most. */
const LIMITS = { bytes: 2 ** 31, values: 2 ** 24 };
/** Values that a file may have for each of its bytes. A file with more holds the same row over and over. */
const VALUES_PER_BYTE = 1 << 12;
/** An array's place for a value. */
const SLOT_BYTES = 8;
/** How much of a group is read at once. A value that repeats takes no room in the file, but every row takes memory. */
export interface Piece {
  readonly rows: number;
  /** Of unpacked columns; as objects they take several times as much. */
  readonly bytes: number;
}
const PIECE: Piece = { rows: 1 << 20, bytes: 16 << 20 };

const decoder = new TextDecoder();
const notJson = (what: string) => new RangeError(`a value of a JSON column is not JSON: ${what}`);
/** Shapes on a map are no text; the library would make objects of them. */
const asBytes = (bytes: Uint8Array) => bytes;
const parsers = {
  geometryFromBytes: asBytes,
  geographyFromBytes: asBytes,
  jsonFromBytes: (bytes: Uint8Array | undefined) =>
    bytes && parseRowJson(decoder.decode(bytes), notJson),
};

/** Messages of the library about the form of a file. */
const OF_FORM = /^(parquet (unsupported|bson|interval)|snappy|thrift) /;

function damaged(file: string, what: string): KlatchError {
  return new KlatchError(
    "data",
    `${file} is not a whole Parquet file: ${what}`,
    "copy or download the file again",
  );
}

/**
 * What a person is told of an error. Range errors, of the checks here and of the JavaScript engine, hold numbers
 * alone. Other messages may quote a value or a name.
 */
function whatIsWrong(error: unknown): string {
  const said = oneLine(error);
  if (error instanceof RangeError || OF_FORM.test(said)) return said;
  return "its values are not stored as it says";
}

function slices(handle: FileHandle, byteLength: number, file: string): AsyncBuffer {
  const read = async (start: number, end: number) => {
    if (!(start >= 0 && end >= start && end <= byteLength)) throw new RangeError("beyond the end");
    const bytes = new Uint8Array(end - start);
    await readExactly(handle, bytes, start, file);
    return bytes.buffer;
  };
  return {
    byteLength,
    slice(start, end = byteLength) {
      const bytes = read(start, end);
      // The library asks for all slices at once and forgets the others when one of them fails.
      bytes.catch(() => undefined);
      return bytes;
    },
  };
}

async function checkEnds(buffer: AsyncBuffer, file: string): Promise<void> {
  const size = buffer.byteLength;
  if (size < 12) throw damaged(file, `it has ${size} bytes`);
  const text = async (start: number) =>
    Buffer.from(await buffer.slice(start, start + 4)).toString("latin1");
  if ((await text(0)) !== MAGIC) throw damaged(file, "it does not begin like one");
  if ((await text(size - 4)) !== MAGIC) throw damaged(file, "its end is missing");
}

/** Values as JSON would have them: numbers and text; bytes are text in files whose writer did not say so. */
function plain(value: unknown, floats?: FloatPlaces | null): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : new JsonNumber(String(value));
  }
  if (typeof value === "number") {
    return floats?.isFloat && Number.isInteger(value) ? writtenFloat(value) : value;
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString() : value;
  if (Array.isArray(value)) return value.map((item) => plain(item, floats?.items));
  const isOther =
    ArrayBuffer.isView(value) || value instanceof JsonNumber || value instanceof JsonObject;
  if (typeof value !== "object" || value === null || isOther) return value;
  const entries = Object.entries(value).map(([key, part]) => {
    return [key, plain(part, floats?.parts.get(key) ?? floats?.items)];
  });
  return Object.fromEntries(entries);
}

/** A column's value: numbers there are for tables, and no template prints them. An int beyond 2^53 is text. */
function plainColumn(value: unknown, floats?: FloatPlaces): unknown {
  if (typeof value === "number") return value;
  const isLarge = typeof value === "bigint" && !Number.isSafeInteger(Number(value));
  return isLarge ? String(value) : plain(value, floats);
}

/** Parts of a file, each read once, however often it is asked for. */
function remembered(file: AsyncBuffer): AsyncBuffer {
  const parts = new Map<string, ReturnType<AsyncBuffer["slice"]>>();
  return {
    byteLength: file.byteLength,
    slice(start, end) {
      const key = `${start}-${end}`;
      const part = parts.get(key) ?? file.slice(start, end);
      parts.set(key, part);
      return part;
    },
  };
}

/**
 * Whether no column has lists. Of such columns the library unpacks only the pages that it needs; columns with lists
 * it unpacks whole.
 */
function isPlain({ schema }: FileMetaData): boolean {
  const [root, ...columns] = schema;
  return (
    root?.num_children === columns.length &&
    columns.every((each) => !each.num_children && each.repetition_type !== "REPEATED")
  );
}

/**
 * How many rows of a group are read at once. Many files have a single group, and its plain columns need not be
 * unpacked at once.
 */
function rowsAtOnce(group: RowGroup, metadata: FileMetaData, { rows, bytes }: Piece): number {
  if (!isPlain(metadata)) return rows;
  const stored = Number(group.total_byte_size) / Math.max(Number(group.num_rows), 1);
  const rowBytes = Math.max(stored, SLOT_BYTES * group.columns.length, 1);
  return Math.min(rows, Math.max(BATCH_ROWS, Math.floor(bytes / rowBytes)));
}

async function* groups(
  file: AsyncBuffer,
  metadata: FileMetaData,
  name: string,
  piece: Piece,
): RowBatches {
  const floats = floatPlaces(metadata);
  let rowStart = 0;
  let fileValues = Math.max(LIMITS.values, file.byteLength * VALUES_PER_BYTE);
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const groupFile = remembered(file);
    fileValues -= await checked(group, metadata, groupFile, { ...LIMITS, fileValues }, name);
    const options = { file: groupFile, metadata, compressors: CODECS, parsers, utf8: false };
    const pieceRows = rowsAtOnce(group, metadata, piece);
    while (rowStart < rowEnd) {
      const range = { rowStart, rowEnd: Math.min(rowStart + pieceRows, rowEnd) };
      yield* batches(await parquetReadObjects({ ...options, ...range }), rowStart, floats);
      rowStart = range.rowEnd;
    }
  }
}

async function checked(
  group: RowGroup,
  metadata: FileMetaData,
  file: AsyncBuffer,
  limits: Limits,
  name: string,
): Promise<number> {
  try {
    return await checkColumns(group, metadata, (from, to) => file.slice(from, to), limits);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    const what = `${name} has a row group of ${error.message}`;
    throw new KlatchError("data", what, "write it with smaller row groups and pages");
  }
}

function* batches(
  rows: readonly Readonly<Record<string, unknown>>[],
  before: number,
  floats: FloatPlaces,
): Generator<readonly Row[], void> {
  for (let at = 0; at < rows.length; at += BATCH_ROWS) {
    const first = before + at + 1;
    yield rows.slice(at, at + BATCH_ROWS).map((row, i) => ({
      line: first + i,
      fields: Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, plainColumn(value, floats.parts.get(key))]),
      ),
    }));
  }
}

/**
 * Rows of a Parquet file, one row group after the other. A large group comes a `piece` at a time where no column has
 * lists.
 *
 * @throws KlatchError `data` when the file is missing, only a part of one, or damaged
 */
export async function* parquetRows(file: string, piece = PIECE): RowBatches {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    const buffer = slices(handle, (await handle.stat()).size, file);
    await checkEnds(buffer, file);
    yield* groups(buffer, await readFooter(buffer), file, piece);
  } catch (error) {
    if (error instanceof KlatchError) throw error;
    const isOfFileSystem = error instanceof Error && "syscall" in error;
    throw isOfFileSystem ? fileError(error, file) : damaged(file, whatIsWrong(error));
  } finally {
    await handle?.close();
  }
}

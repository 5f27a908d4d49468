import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type RowGroup,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { KlatchError } from "../../../errors.ts";
import { fileError, oneLine, readExactly } from "../../files/file-access.ts";
import { BATCH_ROWS, type Row, type RowBatches } from "./row.ts";

const MAGIC = "PAR1";
/** The stored bytes of a row group are in memory at a time; writers make them of some hundred megabytes at most. */
const GROUP_BYTES_MAX = 2 ** 31;
/** What is taken out of a group at once. A value that repeats costs the file nothing, and each row its memory. */
export interface Piece {
  readonly rows: number;
  /** Of unpacked columns; as objects they take several times as much. */
  readonly bytes: number;
}
const PIECE: Piece = { rows: 1 << 20, bytes: 16 << 20 };

/** An empty page has nothing to unpack, and the library's LZ4 fails at it. */
const decompressors: Compressors = Object.fromEntries(
  Object.entries(compressors).map(([codec, unpack]) => [
    codec,
    (input: Uint8Array, length: number) =>
      length === 0 ? new Uint8Array() : unpack(input, length),
  ]),
);

function damaged(file: string, what: string, cause?: unknown): KlatchError {
  return new KlatchError(
    "data",
    `${file} is not a whole Parquet file: ${what}`,
    "copy or download the file again",
    { cause },
  );
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
function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString() : value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
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

/** The library leaves out pages of plain columns without unpacking them; columns with lists in them it unpacks whole. */
function isPlain({ schema }: FileMetaData): boolean {
  const [root, ...columns] = schema;
  return (
    root?.num_children === columns.length &&
    columns.every((each) => !each.num_children && each.repetition_type !== "REPEATED")
  );
}

/** Many a file has but one group: its plain columns need not be unpacked at once. */
function rowsAtOnce(group: RowGroup, metadata: FileMetaData, { rows, bytes }: Piece): number {
  if (!isPlain(metadata)) return rows;
  const rowBytes = Number(group.total_byte_size) / Math.max(Number(group.num_rows), 1);
  return Math.min(rows, Math.max(BATCH_ROWS, Math.floor(bytes / Math.max(rowBytes, 1))));
}

async function* groups(
  file: AsyncBuffer,
  metadata: FileMetaData,
  name: string,
  piece: Piece,
): RowBatches {
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    if (group.total_byte_size > GROUP_BYTES_MAX) {
      throw new KlatchError(
        "data",
        `${name} has a row group of ${group.total_byte_size} bytes, at most ${GROUP_BYTES_MAX} are read at once`,
        "write it with smaller row groups",
      );
    }
    const options = { file: remembered(file), metadata, compressors: decompressors, utf8: false };
    const pieceRows = rowsAtOnce(group, metadata, piece);
    while (rowStart < rowEnd) {
      const range = { rowStart, rowEnd: Math.min(rowStart + pieceRows, rowEnd) };
      yield* batches(await parquetReadObjects({ ...options, ...range }), rowStart);
      rowStart = range.rowEnd;
    }
  }
}

function* batches(
  rows: readonly Readonly<Record<string, unknown>>[],
  before: number,
): Generator<readonly Row[], void> {
  for (let at = 0; at < rows.length; at += BATCH_ROWS) {
    const first = before + at + 1;
    yield rows.slice(at, at + BATCH_ROWS).map((row, i) => ({
      line: first + i,
      fields: Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plain(value)])),
    }));
  }
}

/**
 * Rows of a Parquet file, one row group after the other; of a great one a `piece` at a time, where no column has
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
    yield* groups(buffer, await parquetMetadataAsync(buffer), file, piece);
  } catch (error) {
    if (error instanceof KlatchError) throw error;
    const isOfFileSystem = error instanceof Error && "syscall" in error;
    throw isOfFileSystem ? fileError(error, file) : damaged(file, oneLine(error), error);
  } finally {
    await handle?.close();
  }
}

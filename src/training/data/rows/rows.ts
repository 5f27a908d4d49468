import { readdir, stat } from "node:fs/promises";
import { extname, join, relative } from "node:path";
import { KlatchError } from "../../../errors.ts";
import { fileError } from "../../files/file-access.ts";
import { csvRows } from "./csv-rows.ts";
import { documentRows } from "./document-rows.ts";
import { jsonLineRows, jsonRows } from "./json-rows.ts";
import { parquetRows } from "./parquet-rows.ts";
import type { Row, RowBatches } from "./row.ts";

const TABLES: Readonly<Record<string, (file: string) => RowBatches>> = {
  ".jsonl": jsonLineRows,
  ".ndjson": jsonLineRows,
  ".json": jsonRows,
  ".csv": (file) => csvRows(file, ","),
  ".tsv": (file) => csvRows(file, "\t"),
  ".parquet": parquetRows,
};
const TEXTS: Readonly<Record<string, (file: string) => RowBatches>> = {
  ".txt": documentRows,
  ".text": documentRows,
  ".md": documentRows,
};
const KINDS = Object.keys({ ...TABLES, ...TEXTS }).join(", ");
const FILES_MAX = 100_000;

function kindOf(file: string): string {
  return extname(file).toLowerCase();
}

/** Whether a file's columns are named by its first line, which is a row of data where it lacks a header. */
export function hasHeader(file: string): boolean {
  return [".csv", ".tsv"].includes(kindOf(file));
}

/** Files of a folder and the folders in it, by their paths from it, in the order of these; hidden ones left out. */
export async function visibleFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    // A folder may be named like a file: many programs write a table as a folder `name.parquet`.
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return names.filter((name) => !/(^|[/\\])\./.test(name)).sort();
}

async function dataFilesIn(folder: string): Promise<readonly string[]> {
  const visible = await visibleFiles(folder);
  const tables = visible.filter((name) => kindOf(name) in TABLES);
  // Beside tables a text is a licence or a description, not data.
  const files = tables.length > 0 ? tables : visible.filter((name) => kindOf(name) in TEXTS);
  if (files.length === 0 || files.length > FILES_MAX) {
    throw new KlatchError(
      "data",
      `the folder ${folder} holds ${files.length} files of the kinds ${KINDS}`,
      `give a folder with 1 to ${FILES_MAX} such files`,
    );
  }
  return files.map((name) => join(folder, name));
}

/** Files as they are, folders as the data files in them. */
export async function expandFolders(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    try {
      const isFolder = (await stat(path)).isDirectory();
      files.push(...(isFolder ? await dataFilesIn(path) : [path]));
    } catch (error) {
      throw fileError(error, path);
    }
  }
  return files;
}

/** Bytes of all files together. */
export async function totalBytes(files: readonly string[]): Promise<number> {
  let total = 0;
  for (const file of files) total += (await stat(file)).size;
  return total;
}

/**
 * Rows of one data file, read piece by piece: JSON Lines (.jsonl, .ndjson), a JSON array (.json), CSV or TSV with a
 * header line (.csv, .tsv), Parquet (.parquet), or text as one document (.txt, .text, .md).
 *
 * @throws KlatchError `data`, naming file and line, for anything that is not a row; for a file that is missing, not
 *   UTF-8, damaged or of another kind
 */
export function rowBatches(file: string): RowBatches {
  const kind = kindOf(file);
  const read = TABLES[kind] ?? TEXTS[kind];
  if (read) return read(file);
  throw new KlatchError(
    "data",
    `${file} is of the kind "${kind}"; ${KINDS} can be read`,
    "convert it to JSON Lines: one object per line",
  );
}

/** All rows of a file at once; see {@link rowBatches}. */
export async function readRows(file: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const batch of rowBatches(file)) for (const row of batch) rows.push(row);
  return rows;
}

import { extname } from "node:path";
import { KlatchError } from "../../../errors.ts";
import { exportFile, isArrow } from "./arrow-files.ts";
import { documentRows } from "./document-rows.ts";
import { jsonLineRows, jsonRows } from "./json-rows.ts";
import type { Row, RowBatches } from "./row.ts";

const TABLES: Readonly<Record<string, (file: string) => RowBatches>> = {
  ".jsonl": jsonLineRows,
  ".ndjson": jsonLineRows,
  ".json": jsonRows,
  ".csv": (file) => separatedRows(file, ","),
  ".tsv": (file) => separatedRows(file, "\t"),
  ".parquet": columnarRows,
};
const TEXTS: Readonly<Record<string, (file: string) => RowBatches>> = {
  ".txt": documentRows,
  ".text": documentRows,
  ".md": documentRows,
};
export const KINDS = Object.keys({ ...TABLES, ...TEXTS }).join(", ");

// The packages that read these are large, and a node that trains on JSON Lines keeps them in memory for nothing.
async function* separatedRows(file: string, separator: "," | "\t"): RowBatches {
  const { csvRows } = await import("./csv-rows.ts");
  yield* csvRows(file, separator);
}

async function* columnarRows(file: string): RowBatches {
  const { parquetRows } = await import("./parquet-rows.ts");
  yield* parquetRows(file);
}

function kindOf(file: string): string {
  return extname(file).toLowerCase();
}

export function isTable(file: string): boolean {
  return kindOf(file) in TABLES;
}

export function isText(file: string): boolean {
  return kindOf(file) in TEXTS;
}

/** Whether a file's columns are named by its first line, which is a row of data where it lacks a header. */
export function hasHeader(file: string): boolean {
  return [".csv", ".tsv"].includes(kindOf(file));
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
  if (isArrow(file)) {
    throw new KlatchError("data", `${file} is an Arrow file, which is not read`, exportFile(file));
  }
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

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { parse } from "csv-parse/sync";
import { KlatchError } from "../src/errors.ts";

/** One example as it stands in a data file; the learner gives it its meaning. */
export type Row = Readonly<Record<string, unknown>>;

/** The rows of one file, with its name without folder and extension. */
export interface RowFile {
  readonly name: string;
  readonly rows: readonly Row[];
}

const EXTENSIONS = [".jsonl", ".csv"];

/** Whether a path is a folder; throws `data` when there is nothing there. */
export function isFolder(path: string, flag: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new KlatchError(
      "data",
      `${flag} ${path} does not exist`,
      "Give the path of something that is there.",
    );
  }
  return found.isDirectory();
}

/** Reads a data file, or every data file of a folder in name order; throws `data`, with file and line. */
export function readRowFiles(path: string, flag: string): RowFile[] {
  const paths = isFolder(path, flag) ? dataFilesOf(path, flag) : [path];
  return paths.map((file) => ({ name: basename(file, extname(file)), rows: readRows(file) }));
}

function dataFilesOf(folder: string, flag: string): string[] {
  const names = readdirSync(folder)
    .filter((name) => EXTENSIONS.includes(extname(name).toLowerCase()))
    .sort();
  if (names.length > 0) return names.map((name) => join(folder, name));
  throw new KlatchError(
    "data",
    `${flag} ${folder} holds no data files`,
    "Put .jsonl or .csv files into it; others are not read.",
  );
}

function readRows(file: string): Row[] {
  const text = readFileSync(file, "utf8");
  const rows =
    extname(file).toLowerCase() === ".csv" ? parseCsv(text, file) : parseJsonl(text, file);
  if (rows.length > 0) return rows;
  throw new KlatchError("data", `${file} holds no rows`, "Give a file with at least one example.");
}

function parseJsonl(text: string, file: string): Row[] {
  const rows: Row[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() !== "") rows.push(parseLine(line, `${file}:${index + 1}`));
  }
  return rows;
}

function parseLine(line: string, place: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new KlatchError(
      "data",
      `${place} is not valid JSON`,
      "Each line must be one JSON object.",
      { cause },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Row;
  throw new KlatchError("data", `${place} is not an object`, "Each line must be one JSON object.");
}

function parseCsv(text: string, file: string): Row[] {
  try {
    return parse(text, { columns: true, bom: true, skip_empty_lines: true });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new KlatchError(
      "data",
      `${file} is not valid CSV: ${detail}`,
      "The first line must name the columns.",
      { cause },
    );
  }
}

/** Writes rows as JSONL. */
export function writeRows(file: string, rows: readonly Row[]): void {
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

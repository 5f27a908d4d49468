import { readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { KlatchError } from "../../src/errors.ts";
import {
  chooseSplit,
  describeChosen,
  isDescription,
  readRows,
  splitOfTable,
  type Use,
} from "../../src/training/index.ts";

/** One example as it stands in a data file; the learner gives it its meaning. */
export type Row = Readonly<Record<string, unknown>>;

/** The rows of one file, with its name without folder and extension. */
export interface RowFile {
  readonly name: string;
  readonly rows: readonly Row[];
}

const EXTENSIONS = [".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"];

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

/** Where the rows come from, and what they are for. */
export interface RowSource {
  /** Of a folder with splits the one for this use is read; "train" when absent. */
  readonly use?: Use;
  /** Told of the files that are left aside. */
  readonly say?: (note: string) => void;
}

/** Reads a data file, or the data files of a folder in name order; throws `data`, with file and line. */
export async function readRowFiles(
  path: string,
  flag: string,
  source: RowSource = {},
): Promise<RowFile[]> {
  const paths = isFolder(path, flag) ? dataFilesOf(path, flag, source) : [path];
  const files: RowFile[] = [];
  for (const file of paths) {
    files.push({ name: basename(file, extname(file)), rows: await rowsOf(file) });
  }
  return files;
}

/** The rows of every file together. */
export async function readPooledRows(
  path: string,
  flag: string,
  source: RowSource = {},
): Promise<Row[]> {
  return (await readRowFiles(path, flag, source)).flatMap(({ rows }) => rows);
}

function dataFilesOf(folder: string, flag: string, { use = "train", say }: RowSource): string[] {
  const all = readdirSync(folder);
  const names = all
    .filter((name) => EXTENSIONS.includes(extname(name).toLowerCase()))
    .filter((name) => !isDescription(name, all))
    .sort();
  const chosen = chooseSplit(names, splitOfTable, use);
  const note = describeChosen(chosen, folder);
  if (note !== null && chosen.files.length > 0) say?.(note);
  if (chosen.files.length > 0) return chosen.files.map((name) => join(folder, name));
  throw new KlatchError(
    "data",
    `${flag} ${folder} holds no data files${names.length > 0 ? ` to ${use} on` : ""}`,
    `Put files of these kinds into it: ${EXTENSIONS.join(", ")}.`,
  );
}

async function rowsOf(file: string): Promise<Row[]> {
  const rows = await readRows(file);
  if (rows.length > 0) return rows.map(({ fields }) => fields);
  throw new KlatchError("data", `${file} holds no rows`, "Give a file with at least one example.");
}

/** Writes rows as JSONL. */
export function writeRows(file: string, rows: readonly Row[]): void {
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

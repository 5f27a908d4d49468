import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, relative } from "node:path";
import { KlatchError } from "../../../errors.ts";
import { fileError } from "../../files/file-access.ts";
import { exportFolder } from "./arrow-files.ts";
import { isTable, isText, KINDS } from "./rows.ts";
import {
  chooseSplit,
  describeChosen,
  isDescription,
  splitOfDocument,
  splitOfTable,
  type Use,
} from "./splits.ts";

const FILES_MAX = 100_000;

/** Endings of files that surely hold data, and are not read. */
const OTHER_DATA = new Set([
  ...[".arrow", ".feather", ".gz", ".zst", ".bz2", ".xz", ".zip", ".7z", ".tar", ".tgz"],
  ...[".xlsx", ".xls", ".ods", ".pkl", ".pickle", ".npy", ".npz", ".db", ".sqlite", ".avro"],
  ...[".orc", ".xml", ".html", ".htm", ".pdf", ".docx", ".doc", ".odt", ".rtf", ".epub"],
]);

/** Data files, and what their reader has to know of others that lie beside them. */
export interface FoundFiles {
  readonly files: readonly string[];
  readonly notes: readonly string[];
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

/**
 * Files as they are, folders as the data files in them: where these are splits, the one for this use.
 *
 * @throws KlatchError `data` for a folder without data files, with too many, or with splits for another use alone
 */
export async function expandFolders(paths: readonly string[], use: Use): Promise<FoundFiles> {
  const found: FoundFiles[] = [];
  const named: string[] = [];
  for (const path of paths) {
    try {
      const isFolder = (await stat(path)).isDirectory();
      if (!isFolder) named.push(path);
      found.push(isFolder ? await dataFilesIn(path, use) : { files: [path], notes: [] });
    } catch (error) {
      throw fileError(error, path);
    }
  }
  return {
    files: found.flatMap(({ files }) => files),
    notes: [...found.flatMap(({ notes }) => notes), ...mixedSplits(named)],
  };
}

/** Bytes of all files together. */
export async function totalBytes(files: readonly string[]): Promise<number> {
  let total = 0;
  for (const file of files) total += (await stat(file)).size;
  return total;
}

/** Refuses a folder whose files are all of splits for another use. */
export function noSplitFor(use: Use, folder: string, others: readonly { split: unknown }[]) {
  const names = others.map(({ split }) => split).join(" and ");
  return new KlatchError(
    "data",
    `the folder ${folder} has ${names} files alone, and none to ${use === "train" ? "train on" : "test on"}`,
    "name the files themselves to take them all the same",
  );
}

/** Whether a file surely holds data that is not read, by its ending. */
export function isOtherData(name: string): boolean {
  return OTHER_DATA.has(extname(name).toLowerCase());
}

/** What is said of files that are not read, by their kinds; null for none. */
export function describeOthers(folder: string, others: readonly string[]): string | null {
  return others.length === 0 ? null : `${folder}: left aside: ${kindsOf(others)}`;
}

// --- internal ---

/** A shell's `*.jsonl` names the files of all splits. */
function mixedSplits(files: readonly string[]): readonly string[] {
  const splits = [...Map.groupBy(files, (file) => splitOfTable(basename(file)))];
  const told = splits.flatMap(([split, { length }]) =>
    split === null ? [] : [`${length} of ${split}`],
  );
  return told.length < 2 ? [] : [`files of several splits are read together: ${told.join(", ")}`];
}

async function dataFilesIn(folder: string, use: Use): Promise<FoundFiles> {
  const visible = await visibleFiles(folder);
  const data = visible.filter((name) => !isDescription(name, visible));
  const tables = data.filter(isTable);
  // Beside tables a text is a licence or a description, not data.
  const areTables = tables.length > 0;
  const files = areTables ? tables : data.filter(isText);
  const others = visible.filter(isOtherData);
  checkCount(folder, files.length, visible);
  const chosen = chooseSplit(files, areTables ? splitOfTable : splitOfDocument, use);
  if (chosen.files.length === 0) throw noSplitFor(use, folder, chosen.others);
  const notes = [describeChosen(chosen, folder), describeOthers(folder, others)];
  return {
    files: chosen.files.map((name) => join(folder, name)),
    notes: notes.filter((note) => note !== null),
  };
}

function checkCount(folder: string, count: number, visible: readonly string[]): void {
  if (count > 0 && count <= FILES_MAX) return;
  const arrow = count === 0 ? exportFolder(folder, visible) : null;
  if (arrow !== null) {
    throw new KlatchError("data", `${folder} holds Arrow files, which are not read`, arrow);
  }
  const others = visible.filter(isOtherData);
  const beside = count === 0 && others.length > 0 ? ` (and ${kindsOf(others)})` : "";
  throw new KlatchError(
    "data",
    `the folder ${folder} holds ${count} files of the kinds ${KINDS}${beside}`,
    `give a folder with 1 to ${FILES_MAX} such files`,
  );
}

function kindsOf(files: readonly string[]): string {
  const kinds = [...Map.groupBy(files, (name) => extname(name).toLowerCase())];
  return kinds.map(([kind, { length }]) => `${length} ${kind}`).join(", ");
}

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, writeAtomically } from "../store/atomic-file.ts";
import { fileError, isMissing, realFileSystem } from "../store/file-system.ts";
import { CHANGE_BYTES_MAX } from "./change-file.ts";

/** Files that are read at most, the first by name. */
const FILES_MAX = 64;
const ENDING = ".json";

/** Where a node finds changes of the members that are signed. */
export function changeFolder(dataDir: string): string {
  return join(dataDir, "member-changes");
}

/** The texts in a folder of changes by file name; what is too large, or no file, is left out: a pipe never ends. */
export function readChanges(folder: string): ReadonlyMap<string, string> {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(ENDING));
    const known = names.sort().slice(0, FILES_MAX);
    const small = known.filter((name) => {
      const entry = statSync(join(folder, name));
      return entry.isFile() && entry.size <= CHANGE_BYTES_MAX;
    });
    return new Map(small.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw fileError(error, folder);
  }
}

/** Puts a change where the node of a data folder finds it; gives the path. */
export function placeChange(dataDir: string, name: string, text: string): string {
  const folder = changeFolder(dataDir);
  makeFolder(realFileSystem, folder);
  const path = join(folder, `${name}${ENDING}`);
  writeAtomically(realFileSystem, path, [Buffer.from(text)]);
  return path;
}

import {
  existsSync,
  mkdirSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { bytes as inUnits } from "../view/table.ts";

/** Room for the small files beside the numbers of a result. */
const SMALL_FILES_BYTES = 65_536;

/**
 * Refuses a folder that could not take a result, before hours are spent on one; leaves everything as it was. `bytes`
 * is the size of the result, as far as it is known.
 *
 * @throws KlatchError `usage` for a file, `permission` or `disk` where nothing can be written, `disk` where too
 *   little is free
 */
export function checkOutFolder(folder: string, bytes = 0): void {
  const made: string[] = [];
  try {
    makeFolder(folder, made);
    const probe = join(folder, `.klatch.${process.pid}.part`);
    writeFileSync(probe, "");
    rmSync(probe);
    const { bavail, bsize } = statfsSync(folder);
    const [free, needed] = [bavail * bsize, bytes + SMALL_FILES_BYTES];
    if (free < needed) {
      throw new KlatchError(
        "disk",
        `${folder} has ${inUnits(free)} left, and the result takes ${inUnits(needed)}`,
        "free some space, or write to another disk",
      );
    }
  } catch (error) {
    throw folderError(error, folder);
  } finally {
    for (const each of made.reverse()) rmdirSync(each);
  }
}

/**
 * {@link checkOutFolder} for an adapter, which must not lie among the files of a model: readers would load both as
 * one.
 */
export function checkAdapterFolder(folder: string, bytes = 0): void {
  if (existsSync(join(folder, "config.json"))) {
    throw new KlatchError("usage", `${folder} holds a model`, "choose another folder");
  }
  checkOutFolder(folder, bytes);
}

// --- internal ---

/** Turns an error of the file system into the operating error that says why a folder cannot be made or written. */
function folderError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error && "syscall" in error)) return error;
  const code = "code" in error ? String(error.code) : "unknown error";
  if (code === "EEXIST" || code === "ENOTDIR") {
    const what = `${folder} cannot be a folder: there is a file in its place or above it`;
    return new KlatchError("usage", what, "choose another folder", { cause: error });
  }
  const isForbidden = code === "EACCES" || code === "EPERM";
  return new KlatchError(
    isForbidden ? "permission" : "disk",
    `${folder} cannot be written (${code})`,
    "choose a folder that you may write to, on a disk with room",
    { cause: error },
  );
}

/**
 * Makes a folder and those above it that are missing, and adds them to `made`. Not `recursive`: Node tries for ever
 * where the parent is there and nothing can be made in it, as in /proc.
 */
function makeFolder(folder: string, made: string[]): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  if (!existsSync(folder)) makeFolder(dirname(folder), made);
  mkdirSync(folder);
  made.push(folder);
}

import { dirname } from "node:path";
import { type FileSystem, fileError, isMissing } from "./file-system.ts";

/** Ending of a file that is being written; one that is left after a crash is worth nothing. */
export const UNFINISHED = ".tmp";

/**
 * Writes a file so that at any moment, power loss included, its name shows either the old content or all of the new:
 * write beside it, fsync, rename, fsync the folder. Throws `disk` or `permission` with the old content in place.
 */
export function writeAtomically(fs: FileSystem, path: string, parts: Iterable<Uint8Array>): void {
  const unfinished = path + UNFINISHED;
  try {
    writeDurably(fs, unfinished, parts);
    fs.renameSync(unfinished, path);
    syncFolder(fs, dirname(path));
  } catch (error) {
    discard(fs, unfinished);
    throw fileError(error, path);
  }
}

/** Makes a folder (0700) and its missing parents, durably. */
export function makeFolder(fs: FileSystem, path: string): void {
  try {
    if (fs.mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) {
      syncFolder(fs, dirname(path));
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Makes renames and new names in a folder survive a power loss. */
export function syncFolder(fs: FileSystem, folder: string): void {
  const handle = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

// --- internal ---

function writeDurably(fs: FileSystem, path: string, parts: Iterable<Uint8Array>): void {
  const handle = fs.openSync(path, "w", 0o600);
  try {
    for (const part of parts) {
      for (let done = 0; done < part.length; ) {
        done += fs.writeSync(handle, part, done, part.length - done);
      }
    }
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/** Best effort: the write that failed is the error worth telling, and the next start removes what is left. */
function discard(fs: FileSystem, path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) return;
  }
}

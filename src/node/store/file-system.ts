import * as fs from "node:fs";
import { KlatchError } from "../../errors.ts";

/** The file operations of the store, as an argument: a test can fail or end the process between any two of them. */
export type FileSystem = Pick<
  typeof fs,
  | "openSync"
  | "writeSync"
  | "fsyncSync"
  | "closeSync"
  | "renameSync"
  | "unlinkSync"
  | "readFileSync"
  | "readdirSync"
  | "mkdirSync"
  | "statSync"
>;

export const realFileSystem: FileSystem = fs;

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "free some space: the previous checkpoint is intact and the node goes on from it",
  EDQUOT: "the disk quota is used up: the previous checkpoint is intact",
  EROFS: "the file system is read-only: choose another dataDir or mount it writable",
  EIO: "the disk reports a fault: copy the data folder to another disk",
};

/** The operator's view of a failed file operation: `permission`, or `disk` for everything else. */
export function fileError(error: unknown, path: string): KlatchError {
  if (error instanceof KlatchError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") {
    return new KlatchError("permission", `no permission for ${path}`, "check owner and mode", {
      cause: error,
    });
  }
  const hint = HINTS[code ?? ""] ?? "check the disk and the dataDir setting";
  return new KlatchError("disk", `${path}: ${code ?? message}`, hint, { cause: error });
}

/** Whether a path names a file, or nothing yet: to open a pipe would wait for ever. */
export function isFileOrNothing(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { bytes as inUnits } from "../view/table.ts";
import { nearestFolder } from "./nearest-folder.ts";

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
        `${folder} has ${inUnits(free)} left, and the result takes ${bytes === 0 ? "more" : inUnits(needed)}`,
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
 * {@link checkOutFolder} for an adapter. It must not lie among the files of a model, nor in a folder of its own there:
 * readers would load both as one, and who copies the model takes it along. What is there already goes only where
 * `mayReplace` says so.
 */
export function checkAdapterFolder(
  folder: string,
  { mayReplace, bytes = 0 }: { readonly mayReplace: boolean; readonly bytes?: number },
): void {
  if (existsSync(join(folder, "config.json"))) throw holds(folder, "a model", "");
  checkPlace(folder);
  if (!mayReplace && ADAPTER_FILES.some((name) => existsSync(join(folder, name)))) {
    throw holds(
      folder,
      "an adapter already",
      ", go on from it with --init (or --resume, if its training was interrupted), or replace it with --force",
    );
  }
  checkOutFolder(folder, bytes);
}

/** {@link checkAdapterFolder} for a whole model. */
export function checkModelFolder(folder: string, mayReplace: boolean): void {
  checkPlace(folder);
  if (!mayReplace && isModelFolder(folder)) {
    throw holds(folder, "a model already", ", or replace it with --force");
  }
  checkOutFolder(folder);
}

// --- internal ---

const CAUSES: Readonly<Record<string, string>> = {
  EROFS: ": the file system is read-only",
  ENOSPC: ": the disk is full",
  EDQUOT: ": the disk quota is used up",
  EACCES: ": this user may not",
  EPERM: ": this user may not",
};

const ADAPTER_FILES = ["adapter_config.json", "adapter_model.safetensors"];

function holds(folder: string, what: string, ways: string): KlatchError {
  return new KlatchError("usage", `${folder} holds ${what}`, `choose another folder${ways}`);
}

/** Refuses a place below a model's folder. */
function checkPlace(folder: string): void {
  const there = realpathSync(nearestFolder(folder));
  let at = existsSync(folder) ? dirname(there) : there;
  for (; at !== dirname(at); at = dirname(at)) {
    if (!isModelFolder(at)) continue;
    throw new KlatchError(
      "usage",
      `${folder} lies in the folder of a model, ${at}`,
      "choose a folder outside of it",
    );
  }
}

function isModelFolder(folder: string): boolean {
  if (!existsSync(join(folder, "config.json"))) return false;
  return readdirSync(folder).some((name) => MODEL_FILE.test(name));
}

/** Weights or a tokenizer: a config.json alone may be anything's. */
const MODEL_FILE = /^(tokenizer\.json|.*\.(safetensors|bin|gguf)|.*\.safetensors\.index\.json)$/;

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
    `${folder} cannot be written (${code})${CAUSES[code] ?? ""}`,
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

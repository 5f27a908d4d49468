import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { nearestFolder } from "./nearest-folder.ts";

/** Value of `cache` that stands for a folder in this user's cache. */
export const AUTO_CACHE = "auto";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Folder of what can be had again: the one that is named, else this user's. Null for a user without a home folder, as
 * in a container with a numeric user id.
 */
export function cacheFolder(cache: string, environment: Environment = process.env): string | null {
  return cache === AUTO_CACHE ? userCache(environment) : cache;
}

/** {@link cacheFolder} for what cannot do without: throws `usage` where there is none, naming `option`. */
export function requireCacheFolder(cache: string, option: string): string {
  const folder = cacheFolder(cache);
  if (folder !== null) return folder;
  throw new KlatchError(
    "usage",
    "this user has no home folder, and so no cache folder",
    `name a folder: ${option}`,
  );
}

/**
 * Folder of tokens that were made from data files; they are this user's alone. Null where the user's own cache cannot
 * be written: data is then read anew each time.
 */
export function tokenCache(cache: string): string | null {
  return writableCache(cache, "tokens");
}

/** Folder of compiled modules for `NODE_COMPILE_CACHE`; null as above. */
export function compiledCache(cache: string): string | null {
  return writableCache(cache, "compiled");
}

// --- internal ---

function writableCache(cache: string, name: string): string | null {
  const folder = cacheFolder(cache);
  if (folder === null || (cache === AUTO_CACHE && !isWritable(nearestFolder(folder)))) return null;
  return join(folder, name);
}

/** Where programs of this user keep what can be had again (XDG base directories; LOCALAPPDATA on Windows). */
function userCache({ XDG_CACHE_HOME, LOCALAPPDATA }: Environment): string | null {
  const named = XDG_CACHE_HOME || LOCALAPPDATA;
  if (named) return join(named, "klatch");
  const home = homeFolder();
  return home === null ? null : join(home, ".cache", "klatch");
}

function homeFolder(): string | null {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : null;
  } catch (error) {
    // Neither HOME nor an entry for the user.
    if ((error as NodeJS.ErrnoException).code === "ERR_SYSTEM_ERROR") return null;
    throw error;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === "access") return false;
    throw error;
  }
}

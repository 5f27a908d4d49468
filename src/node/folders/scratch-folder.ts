import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../errors.ts";
import { fileError } from "../store/file-system.ts";
import { lockFolder } from "../store/lock.ts";
import { requireCacheFolder } from "./cache-folder.ts";
import { checkOutFolder } from "./out-folder.ts";

/** A folder for the work of one process. */
export interface ScratchFolder {
  readonly path: string;
  /** Removes it with all that it holds, unless it was left. */
  remove(): void;
  /** Leaves it for a person to look at; the next process that makes such a folder removes it. */
  leave(): void;
}

const PREFIX = "work-";
const ATTEMPTS_MAX = 100;
const PAUSE_MS = 50;

/**
 * Makes a folder for this process below the cache. Folders of processes that are gone, however they ended, are
 * removed. Private rows never lie in the system's temporary folder, where nobody would clear them away. `option` is
 * how a user names a folder.
 *
 * @throws KlatchError `usage` without a cache folder, `permission` or `disk` when it cannot be made
 */
export async function makeScratchFolder(cache: string, option: string): Promise<ScratchFolder> {
  const parent = join(requireCacheFolder(cache, option), "scratch");
  checkOutFolder(parent);
  try {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    // One at a time: a folder that is not locked yet looks like an abandoned one.
    const unlock = await lockSoon(parent);
    try {
      removeAbandoned(parent);
      return lockedFolder(mkdtempSync(join(parent, PREFIX)));
    } finally {
      unlock();
    }
  } catch (error) {
    throw fileError(error, parent);
  }
}

// --- internal ---

async function lockSoon(folder: string): Promise<() => void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return lockFolder(folder);
    } catch (error) {
      if (!isLocked(error) || attempt === ATTEMPTS_MAX) throw error;
      await delay(PAUSE_MS);
    }
  }
}

function lockedFolder(path: string): ScratchFolder {
  const unlock = lockFolder(path);
  let isLeft = false;
  return {
    path,
    remove() {
      unlock();
      if (!isLeft) rmSync(path, { recursive: true, force: true });
    },
    leave() {
      isLeft = true;
    },
  };
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent).filter((each) => each.startsWith(PREFIX))) {
    const path = join(parent, name);
    try {
      lockFolder(path)();
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      if (!isLocked(error)) throw error;
    }
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof KlatchError && error.code === "locked";
}

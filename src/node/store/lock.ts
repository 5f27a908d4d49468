import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { KlatchError } from "../../errors.ts";
import { fileError, isFileOrNothing, isMissing } from "./file-system.ts";

const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

/**
 * Takes the folder for this process, or throws `locked` with the PID that has it. The lock is an exclusive SQLite
 * transaction on a database without content: the operating system's own file lock, which ends with the process however
 * it ends, so nothing stale is ever left behind. Returns the function that gives it back.
 */
export function lockFolder(folder: string): () => void {
  const database = begin(join(folder, "lock.db"), folder);
  const pidFile = join(folder, "lock.pid");
  try {
    // Only for the message to a second instance: the lock itself is held by the database.
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    database.close();
    throw fileError(error, pidFile);
  }
  return () => {
    if (database.isOpen) database.close();
  };
}

/**
 * The process that has a folder, by its PID or as "unknown"; null where none has it. Takes and changes nothing.
 *
 * @throws KlatchError `permission` or `disk` where that cannot be read
 */
export function holderOf(folder: string): string | null {
  const path = join(folder, "lock.db");
  if (!existsSync(path)) return null;
  if (!isFileOrNothing(path)) throw fileError({ code: "ENOTSUP" }, path);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec("SELECT 1 FROM sqlite_master");
    return null;
  } catch (error) {
    const code = (error as { errcode?: number }).errcode;
    if (code === SQLITE_BUSY) return readPid(join(folder, "lock.pid"));
    // something wrote into it: who takes it makes it anew
    if (code === SQLITE_NOTADB) return null;
    throw fileError(error, path);
  } finally {
    database.close();
  }
}

// --- internal ---

function begin(path: string, folder: string): DatabaseSync {
  if (!isFileOrNothing(path)) throw fileError({ code: "ENOTSUP" }, path);
  try {
    // Made here, for its mode; SQLite would make it readable to others.
    writeFileSync(path, "", { mode: 0o600, flag: "a" });
  } catch (error) {
    throw fileError(error, path);
  }
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    const code = (error as { errcode?: number }).errcode;
    if (code === SQLITE_BUSY) throw lockedBy(folder);
    if (code !== SQLITE_NOTADB) throw fileError(error, path);
  }
  // Something wrote into the lock: it has no content to lose.
  writeFileSync(path, "");
  return begin(path, folder);
}

function lockedBy(folder: string): KlatchError {
  const pid = readPid(join(folder, "lock.pid"));
  return new KlatchError(
    "locked",
    `${folder} is in use by another node (process ${pid})`,
    "stop that node first, or give this one its own dataDir",
  );
}

function readPid(path: string): string {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^[0-9]{1,10}$/.test(text) ? text : "unknown";
  } catch (error) {
    if (isMissing(error)) return "unknown";
    throw fileError(error, path);
  }
}

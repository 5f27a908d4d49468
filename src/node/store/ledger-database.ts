import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { KlatchError } from "../../errors.ts";
import { fileError, isFileOrNothing } from "./file-system.ts";
import { LEDGER_TABLES, type LedgerTable } from "./row-sum.ts";
import { salvage } from "./salvage.ts";

/** SQLite result codes that mean the file is no (longer a) sound database. */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
const SQLITE_FULL = 13;
const SQLITE_READONLY = 8;
const VERSION = 1;
/** How long to wait for another process (a backup, a person's shell) that holds the ledger, ms. */
const BUSY_MS = 20_000;

const TABLES = `
  CREATE TABLE IF NOT EXISTS rounds (
    run TEXT NOT NULL, round INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (run, round)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS evidence (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS evidence_of_run ON evidence (run, id);
  CREATE TABLE IF NOT EXISTS said (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, height INTEGER NOT NULL, bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS said_of_height ON said (run, height, id);
  CREATE TABLE IF NOT EXISTS chain (
    run TEXT NOT NULL, height INTEGER NOT NULL, block BLOB NOT NULL, certificate BLOB NOT NULL,
    PRIMARY KEY (run, height)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS results (run TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  PRAGMA user_version = ${VERSION};
`;

/**
 * Opens the ledger: WAL, every commit on disk before it returns, integrity checked. A damaged file is put aside and a
 * new one begun with what is intact of it, and `warn` gets a sentence about it. The ledger tells the past; the node can
 * go on without it.
 */
export function openLedgerDatabase(path: string, warn: (sentence: string) => void): DatabaseSync {
  const first = tryOpen(path);
  if (first instanceof DatabaseSync) return first;
  const aside = putAside(path);
  const second = tryOpen(path);
  if (!(second instanceof DatabaseSync)) {
    const hint = "check the disk: a new file is damaged too";
    throw new KlatchError("disk", `${path}: ${second}`, hint);
  }
  const rows = salvaged(aside, second, path);
  const rest = rows === 0 ? "" : ` with what could be read of it, ${rows} records`;
  warn(`${path} is damaged (${first}); it was put aside as ${aside} and begun anew${rest}`);
  return second;
}

/**
 * Opens the ledger to read it beside a node or without one: takes no lock for itself and puts nothing aside. Null
 * where there is none, and with a sentence to `warn` where it is damaged.
 */
export function openLedgerToRead(
  path: string,
  warn: (sentence: string) => void,
): DatabaseSync | null {
  if (!existsSync(path) || !isFileOrNothing(path)) return null;
  try {
    // Without a journal nobody writes: it is read as it lies, also from a disk that cannot be written.
    const name = existsSync(`${path}-wal`) ? path : `${pathToFileURL(path)}?immutable=1`;
    const database = new DatabaseSync(name, { readOnly: true, timeout: BUSY_MS });
    const version = pragma(database, "user_version");
    if (version === VERSION) return database;
    warn(`${path} cannot be read: ${shut(database, `version ${String(version)}`)}`);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    warn(`${path} cannot be read: ${(error as Error).message}`);
  }
  return null;
}

/** Runs a statement's work; a full or read-only disk becomes `disk` with a hint. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = errorCode(error);
    if (code === SQLITE_FULL) throw fileError({ code: "ENOSPC" }, path);
    if (code === SQLITE_READONLY) throw fileError({ code: "EROFS" }, path);
    if (code !== null) throw fileError(error, path);
    throw error;
  }
}

// --- internal ---

/** The database, or why the file cannot be one. */
function tryOpen(path: string): DatabaseSync | string {
  if (!isFileOrNothing(path)) return "it is no file";
  try {
    // Made here, for its mode; SQLite gives its journal the same.
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw fileError(error, path);
  }
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    const integrity = pragma(database, "integrity_check(1)");
    if (integrity !== "ok") return shut(database, String(integrity).replace(/\s+/g, " "));
    const version = pragma(database, "user_version");
    if (version !== 0 && version !== VERSION) return shut(database, `version ${String(version)}`);
    database.exec(TABLES);
    for (const table of LEDGER_TABLES) addSum(database, table);
    return database;
  } catch (error) {
    const message = shut(database, (error as Error).message);
    const code = errorCode(error);
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return message;
    throw fileError(error, path);
  }
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

function shut(database: DatabaseSync, why: string): string {
  database.close();
  return why;
}

/** Files of earlier versions have no sums. */
function addSum(database: DatabaseSync, table: LedgerTable): void {
  const columns = database.prepare(`PRAGMA table_info(${table})`).all();
  if (columns.some(({ name }) => name === "sum")) return;
  database.exec(`ALTER TABLE ${table} ADD COLUMN sum BLOB`);
}

/** Moves a damaged file away with its journal, which must not be replayed into the new one. Gives where it is. */
function putAside(path: string): string {
  const aside = `${path}.damaged`;
  try {
    for (const ending of ["-wal", "-shm"]) rmSync(aside + ending, { force: true });
    renameSync(path, aside);
    if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${aside}-wal`);
    rmSync(`${path}-shm`, { force: true });
    return aside;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Copies what is intact, all at once; gives how many rows. */
function salvaged(from: string, to: DatabaseSync, path: string): number {
  return guarded(path, () => {
    to.exec("BEGIN");
    const rows = salvage(from, to, (error) => errorCode(error) !== null);
    to.exec("COMMIT");
    return rows;
  });
}

/** The primary SQLite result code of an error; null when it is none of SQLite's. */
function errorCode(error: unknown): number | null {
  const { code, errcode } = error as { code?: string; errcode?: number };
  return code === "ERR_SQLITE_ERROR" && errcode !== undefined ? errcode & 0xff : null;
}

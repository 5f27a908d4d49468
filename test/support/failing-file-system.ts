import * as fs from "node:fs";
import { join } from "node:path";
import type { FileSystem } from "../../src/node/store/file-system.ts";

/** Thrown in place of the file operation during which the process or the machine goes down. */
export class Crash extends Error {}

interface Rename {
  readonly from: string;
  readonly to: string;
  /** What `to` was before; null when there was none. */
  readonly before: Uint8Array | null;
}

/**
 * The real file system, but the operation number `crashAt` (counted from 0) and everything after it does not happen; a
 * write in progress leaves half of its bytes. `losePower` then also takes back what was never synced.
 */
export class FailingFileSystem implements FileSystem {
  readonly #crashAt: number;
  #count = 0;
  readonly #open = new Map<number, string>();
  readonly #unsynced = new Set<string>();
  #renames: Rename[] = [];

  readonly readFileSync = fs.readFileSync;
  readonly readdirSync = fs.readdirSync;
  readonly statSync = fs.statSync;

  constructor(crashAt: number) {
    this.#crashAt = crashAt;
  }

  /** Operations that changed or synced something so far. */
  get count(): number {
    return this.#count;
  }

  openSync: typeof fs.openSync = (path, flags, mode) => {
    this.#step();
    const handle = fs.openSync(path, flags, mode);
    this.#open.set(handle, String(path));
    return handle;
  };

  closeSync: typeof fs.closeSync = (handle) => {
    // The system closes the files of a process that is gone.
    fs.closeSync(handle);
    this.#step();
  };

  writeSync = ((handle: number, part: Uint8Array, offset: number, length: number) => {
    this.#unsynced.add(this.#open.get(handle) ?? "");
    if (this.#count >= this.#crashAt) fs.writeSync(handle, part, offset, length >> 1);
    this.#step();
    return fs.writeSync(handle, part, offset, length);
  }) as typeof fs.writeSync;

  fsyncSync: typeof fs.fsyncSync = (handle) => {
    this.#step();
    const path = this.#open.get(handle) ?? "";
    this.#unsynced.delete(path);
    this.#renames = this.#renames.filter(({ to }) => join(to, "..") !== path);
  };

  renameSync: typeof fs.renameSync = (from, to) => {
    this.#step();
    const before = fs.existsSync(to) ? fs.readFileSync(to) : null;
    fs.renameSync(from, to);
    this.#renames.push({ from: String(from), to: String(to), before });
    if (this.#unsynced.delete(String(from))) this.#unsynced.add(String(to));
  };

  unlinkSync: typeof fs.unlinkSync = (path) => {
    this.#step();
    fs.unlinkSync(path);
  };

  mkdirSync = ((path: string, options: fs.MakeDirectoryOptions & { recursive: true }) => {
    this.#step();
    return fs.mkdirSync(path, options);
  }) as typeof fs.mkdirSync;

  /** Takes back, newest first, every rename whose folder was not synced, and cuts every file that was not. */
  losePower(): void {
    for (const { from, to, before } of this.#renames.reverse()) {
      fs.renameSync(to, from);
      if (before !== null) fs.writeFileSync(to, before);
      if (this.#unsynced.delete(to)) this.#unsynced.add(from);
    }
    for (const path of this.#unsynced) {
      if (fs.existsSync(path)) fs.truncateSync(path, fs.statSync(path).size >> 1);
    }
  }

  #step(): void {
    if (this.#count >= this.#crashAt) throw new Crash("crash");
    this.#count += 1;
  }
}

import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { HubFile } from "./client.ts";

const READ_BYTES = 1 << 20;

/** A part that is written to is younger, or its download was given up. */
const ABANDONED_MS = 60_000;

/** What an earlier attempt left of a file, or another makes at this time. */
export interface LeftPart {
  readonly path: string;
  readonly size: number;
  readonly changedMs: number;
}

/** All that is there of a file besides the whole, the most first. */
export async function leftParts(folder: string, file: HubFile): Promise<readonly LeftPart[]> {
  const found: LeftPart[] = [];
  const own = basename(file.path);
  for (const name of await readdir(folder)) {
    const isPart = name.startsWith(`${own}.`) && PART.test(name.slice(own.length));
    const path = join(folder, name);
    const facts = isPart ? await stat(path).catch(() => null) : null;
    if (facts?.isFile()) found.push({ path, size: facts.size, changedMs: facts.mtimeMs });
  }
  return found.sort((a, b) => b.size - a.size);
}

const PART = /^(\.[0-9a-f-]{36})?\.part$/;

/** A growing file that nobody else writes to, and the digest of what is in it. */
export class PartFile {
  readonly #handle: FileHandle;
  readonly #file: HubFile;
  #hash: Hash;
  size = 0;

  private constructor(handle: FileHandle, file: HubFile) {
    this.#handle = handle;
    this.#file = file;
    this.#hash = freshHash(file);
  }

  /** A new file that begins with a copy of the first of `left` that fits; those are removed that nobody writes to. */
  static async open(
    path: string,
    file: HubFile,
    left: readonly LeftPart[] = [],
  ): Promise<PartFile> {
    // Not "a": a system may put appended bytes elsewhere than this process counts.
    const part = new PartFile(await open(path, "wx"), file);
    try {
      const source = left.find(({ size }) => size <= file.size);
      if (source !== undefined) await part.#copy(source.path);
      for (const { path: old, changedMs } of left) {
        if (changedMs < Date.now() - ABANDONED_MS) await rm(old, { force: true });
      }
    } catch (error) {
      await part.close();
      throw error;
    }
    return part;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(
        bytes,
        done,
        bytes.length - done,
        this.size + done,
      );
      done += bytesWritten;
    }
    this.#hash.update(bytes);
    this.size += bytes.length;
  }

  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = freshHash(this.#file);
    this.size = 0;
  }

  async finish(): Promise<string> {
    await this.#handle.sync();
    return this.#hash.digest("hex");
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Without room for a copy the file is brought anew, in the place of what was left. */
  async #copy(source: string): Promise<void> {
    const from = await open(source, "r");
    const buffer = new Uint8Array(READ_BYTES);
    try {
      while (this.size < this.#file.size) {
        const { bytesRead } = await from.read(buffer, 0, READ_BYTES, this.size);
        if (bytesRead === 0) break;
        await this.append(buffer.subarray(0, Math.min(bytesRead, this.#file.size - this.size)));
      }
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      await this.restart();
      await rm(source, { force: true });
    } finally {
      await from.close();
    }
  }
}

/** A git blob's id is the SHA-1 of a header with its size and then its content. */
function freshHash({ algorithm, size }: HubFile): Hash {
  if (algorithm === "sha256") return createHash("sha256");
  return createHash("sha1").update(`blob ${size}\0`);
}

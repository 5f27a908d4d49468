import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileTarget } from "../../gossip/index.ts";
import { digestOfFile, type ModelFile } from "../../training/index.ts";
import { fileError, isMissing } from "../store/file-system.ts";

/** Ending of a file that has not all come yet, or is not checked. */
export const PART = ".part";

const READ_BYTES = 1 << 20;

/** Whether a file is here whole, with its digest; one of that name with another content is removed. */
export async function isHere(
  folder: string,
  { name, bytes, sha256 }: ModelFile,
  signal: AbortSignal,
): Promise<boolean> {
  const path = join(folder, name);
  if ((await sizeOf(path)) === null) return false;
  const found = await digestOfFile(path, signal);
  if (found.bytes === bytes && found.sha256 === sha256) return true;
  await rm(path, { force: true });
  return false;
}

/** Bytes of a file that are here, checked or not. */
export async function bytesHere(folder: string, { name, bytes }: ModelFile): Promise<number> {
  const path = join(folder, name);
  return Math.min(bytes, (await sizeOf(path)) ?? (await sizeOf(path + PART)) ?? 0);
}

/**
 * A file that comes from others, as `name.part` until all of it has come and its digest is right. What an earlier
 * attempt left is read for the digest, and gone on with.
 */
export class FetchedFile implements FileTarget {
  readonly #path: string;
  readonly #file: ModelFile;
  readonly #handle: FileHandle;
  readonly #failed = new AbortController();
  #hash = createHash("sha256");
  #received = 0;

  /** @throws KlatchError `disk` or `permission`; the signal's reason */
  static async open(folder: string, file: ModelFile, signal: AbortSignal): Promise<FetchedFile> {
    const path = join(folder, file.name);
    try {
      const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;
      const handle = await open(path + PART, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      const fetched = new FetchedFile(path, file, handle);
      await fetched.#takeUp(signal).catch(async (error: unknown) => {
        await handle.close();
        throw error;
      });
      return fetched;
    } catch (error) {
      throw signal.aborted ? error : fileError(error, path + PART);
    }
  }

  private constructor(path: string, file: ModelFile, handle: FileHandle) {
    this.#path = path;
    this.#file = file;
    this.#handle = handle;
  }

  get size(): number {
    return this.#file.bytes;
  }

  get received(): number {
    return this.#received;
  }

  /** Aborts when the disk takes no more, with the error as its reason. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  async append(part: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < part.byteLength; ) {
        const at = this.#received + done;
        done += (await this.#handle.write(part, done, part.byteLength - done, at)).bytesWritten;
      }
    } catch (error) {
      this.#failed.abort(fileError(error, this.#path + PART));
      throw error;
    }
    this.#hash.update(part);
    this.#received += part.byteLength;
  }

  /** Puts the whole file in its place where it has its digest, for good; else begins anew, and it is false. */
  async finish(): Promise<boolean> {
    try {
      if (this.#hash.digest("hex") !== this.#file.sha256) {
        await this.#handle.truncate(0);
        this.#hash = createHash("sha256");
        this.#received = 0;
        return false;
      }
      await this.#handle.sync();
      await rename(this.#path + PART, this.#path);
      return true;
    } catch (error) {
      throw fileError(error, this.#path);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Reads what is here for the digest; of a part that is too long nothing is worth anything. */
  async #takeUp(signal: AbortSignal): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size > this.#file.bytes) return this.#handle.truncate(0);
    const buffer = new Uint8Array(Math.min(size, READ_BYTES));
    while (this.#received < size) {
      signal.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#received);
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#received += bytesRead;
    }
  }
}

// --- internal ---

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw fileError(error, path);
  }
}

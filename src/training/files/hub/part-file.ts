import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { sizeOfFile } from "../file-access.ts";
import type { HubFile } from "./client.ts";

const READ_BYTES = 1 << 20;

/** A growing file and the digest of what is in it. */
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

  static async open(path: string, file: HubFile): Promise<PartFile> {
    // Not "a": a system may put appended bytes elsewhere than this process counts.
    const exists = (await sizeOfFile(path)) !== null;
    const handle = await open(path, exists ? "r+" : "w+");
    const part = new PartFile(handle, file);
    try {
      await part.#readBack();
    } catch (error) {
      await handle.close();
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

  async #readBack(): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size > this.#file.size) return this.restart();
    const buffer = new Uint8Array(READ_BYTES);
    while (this.size < size) {
      const { bytesRead } = await this.#handle.read(buffer, 0, READ_BYTES, this.size);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.size += bytesRead;
    }
  }
}

/** A git blob's id is the SHA-1 of a header with its size and then its content. */
function freshHash({ algorithm, size }: HubFile): Hash {
  if (algorithm === "sha256") return createHash("sha256");
  return createHash("sha1").update(`blob ${size}\0`);
}

import type { Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileLender, GivenFile } from "../../gossip/index.ts";
import { digestOfFile, type ModelFile } from "../../training/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import type { Logger } from "../process/logger.ts";

export interface LentModelOptions {
  /** As the creator of the run listed them. */
  readonly files: readonly ModelFile[];
  /** Where they lie here; asked for when somebody wants one. */
  readonly folder: () => Promise<string>;
  /** Who has a seat. */
  readonly isFor: (peer: PeerId) => boolean;
  readonly log: Logger;
}

/** The files of a run's model, given to its members: those alone that this node itself has found to have their digest. */
export class LentModel implements FileLender {
  readonly files: ReadonlyMap<Digest, number>;
  readonly #options: LentModelOptions;
  readonly #names: ReadonlyMap<Digest, string>;

  constructor(options: LentModelOptions) {
    this.#options = options;
    this.files = new Map(options.files.map(({ sha256, bytes }) => [sha256, bytes]));
    this.#names = new Map(options.files.map(({ sha256, name }) => [sha256, name]));
  }

  isFor(peer: PeerId): boolean {
    return this.#options.isFor(peer);
  }

  async open(digest: Digest): Promise<GivenFile | null> {
    const name = this.#names.get(digest);
    const { log, folder } = this.#options;
    if (name === undefined) return null;
    try {
      const path = join(await folder(), name);
      const state = await stateOf(path);
      const { sha256 } = await digestOfFile(path);
      if (sha256 === digest) return new LentFile(path, state, log);
      log.warn({ file: path }, NOT_LISTED);
    } catch (error) {
      log.warn({ err: error, file: name }, "a file of the model cannot be given to who joins");
    }
    return null;
  }
}

// --- internal ---

const NOT_LISTED = "a file of the model is not the one of the run: it is not given to who joins";

/** By which a file is known to be the one that was read before. */
type State = Pick<Stats, "size" | "mtimeMs" | "ino">;

async function stateOf(path: string): Promise<State> {
  const status = await stat(path);
  // to open a pipe would wait for ever
  if (!status.isFile()) throw new Error("it is no plain file");
  return status;
}

/** A file whose digest is known; opened anew for each part, so that nothing stays open for a peer that is slow. */
class LentFile implements GivenFile {
  readonly #path: string;
  readonly #state: State;
  readonly #log: Logger;

  constructor(path: string, state: State, log: Logger) {
    this.#path = path;
    this.#state = state;
    this.#log = log;
  }

  get byteLength(): number {
    return this.#state.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array | null> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.#path, "r");
      const { size, mtimeMs, ino } = await handle.stat();
      const { size: known, mtimeMs: since, ino: number } = this.#state;
      if (size === known && mtimeMs === since && ino === number) {
        return await readPart(handle, offset, length);
      }
      this.#log.warn({ file: this.#path }, NOT_LISTED);
    } catch (error) {
      this.#log.warn({ err: error, file: this.#path }, "a file of the model cannot be read");
    } finally {
      await handle?.close();
    }
    return null;
  }
}

async function readPart(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new Error("it ended early");
    done += bytesRead;
  }
  return bytes;
}

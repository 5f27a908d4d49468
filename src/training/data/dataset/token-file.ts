import assert from "node:assert/strict";
import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { z } from "zod";
import { fileError, isMissing, readExactly, withFile } from "../../files/file-access.ts";
import { EXAMPLE_FORMATS } from "../examples/example.ts";
import {
  CHUNK_TOKENS,
  type ExampleIndex,
  ExampleStore,
  type TokenSource,
  tokensInMemory,
} from "./example-store.ts";

/** 16 bytes, so that the tokens after it are aligned. */
const HEAD = Buffer.from("klatch tokens 1\n");
/** Counts of tokens, examples and bytes of facts, then a SHA-256 over everything before it. */
const COUNTS_BYTES = 24;
const DIGEST_BYTES = 32;
/** Smaller sets are taken into memory, larger ones read from the file as they are used. */
const MEMORY_TOKENS_MAX = 64 << 20;

const count = z.int().min(0);
const factsSchema = z.object({
  format: z.enum(EXAMPLE_FORMATS),
  seams: z.object({ separated: count, own: count }),
  summary: z.object({
    examples: count,
    tokens: count,
    truncated: count,
    cut: z.object({ kept: count, lost: count, isLeast: z.boolean() }).exactOptional(),
    skipped: count,
    duplicates: count,
    notes: z.array(z.string()),
  }),
});
/** What is known of a data set besides its tokens. */
export type DatasetFacts = z.infer<typeof factsSchema>;

function bytesOf(array: Int32Array | Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Writes a token file: under another name until it is whole. */
export class TokenFileWriter {
  readonly #file: string;
  readonly #part: string;
  readonly #handle: FileHandle;
  readonly #digest: Hash = createHash("sha256");
  #tokens = 0;

  private constructor(file: string, part: string, handle: FileHandle) {
    this.#file = file;
    this.#part = part;
    this.#handle = handle;
  }

  /** @throws KlatchError `disk` or `permission` when the file cannot be made */
  static async create(file: string): Promise<TokenFileWriter> {
    const part = `${file}.${process.pid}.${performance.now()}.part`;
    const handle = await open(part, "wx", 0o600).catch((error: unknown) => {
      throw fileError(error, part);
    });
    const writer = new TokenFileWriter(file, part, handle);
    try {
      await writer.#append(HEAD);
      return writer;
    } catch (error) {
      await writer.discard();
      throw fileError(error, part);
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#digest.update(bytes);
    await this.#handle.writeFile(bytes);
  }

  /** Adds chunks; each but the last of all is whole. */
  async write(chunks: readonly Int32Array[]): Promise<void> {
    try {
      for (const chunk of chunks) {
        await this.#append(bytesOf(chunk));
        this.#tokens += chunk.length;
      }
    } catch (error) {
      throw fileError(error, this.#part);
    }
  }

  /** Ends the file and gives it its name. */
  async finish(index: ExampleIndex, facts: DatasetFacts): Promise<void> {
    const json = Buffer.from(JSON.stringify(facts));
    const counts = Float64Array.of(this.#tokens, index.lengths.length, json.length);
    try {
      for (const part of [bytesOf(index.lengths), bytesOf(index.hashes), json, bytesOf(counts)]) {
        await this.#append(part);
      }
      await this.#handle.writeFile(this.#digest.digest());
      await this.#handle.close();
      await rename(this.#part, this.#file);
    } catch (error) {
      throw fileError(error, this.#part);
    }
  }

  /** Removes what was written, after a failure; of no effect on a finished file. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#part, { force: true });
  }
}

/** True when the SHA-256 at the end of a file is that of everything before it. */
async function isWhole(file: string, handle: FileHandle, size: number): Promise<boolean> {
  const least = HEAD.length + COUNTS_BYTES + DIGEST_BYTES;
  if (size < least) return false;
  const digest = createHash("sha256");
  const range = { start: 0, end: size - DIGEST_BYTES - 1, autoClose: false };
  for await (const bytes of handle.createReadStream(range)) digest.update(bytes);
  const written = new Uint8Array(DIGEST_BYTES);
  await readExactly(handle, written, size - DIGEST_BYTES, file);
  return digest.digest().equals(written);
}

async function readArrays(file: string, handle: FileHandle, size: number) {
  const counts = new Float64Array(COUNTS_BYTES / 8);
  const end = size - DIGEST_BYTES - COUNTS_BYTES;
  await readExactly(handle, bytesOf(counts), end, file);
  const [tokens = 0, examples = 0, jsonBytes = 0] = counts;
  const json = Buffer.alloc(jsonBytes);
  const lengths = new Uint32Array(examples);
  const hashes = new Float64Array(examples);
  const start = HEAD.length + 4 * tokens;
  await readExactly(handle, bytesOf(lengths), start, file);
  await readExactly(handle, bytesOf(hashes), start + 4 * examples, file);
  await readExactly(handle, json, start + 12 * examples, file);
  return {
    tokens,
    index: { lengths, hashes },
    facts: factsSchema.parse(JSON.parse(json.toString())),
  };
}

async function readChunks(file: string, handle: FileHandle, tokens: number): Promise<TokenSource> {
  const all = new Int32Array(tokens);
  await readExactly(handle, bytesOf(all), HEAD.length, file);
  const count = Math.ceil(tokens / CHUNK_TOKENS);
  return tokensInMemory(
    Array.from({ length: count }, (_, i) => all.subarray(i * CHUNK_TOKENS, (i + 1) * CHUNK_TOKENS)),
  );
}

/** Held open while it is in use: the file may lose its name meanwhile. */
function tokensInFile(file: string): TokenSource {
  const descriptor = openSync(file, "r");
  return {
    read(chunk, start, length) {
      const tokens = new Int32Array(length);
      const position = HEAD.length + 4 * (chunk * CHUNK_TOKENS + start);
      const done = readSync(descriptor, bytesOf(tokens), 0, 4 * length, position);
      assert.equal(done, 4 * length, "a token file does not become shorter");
      return tokens;
    },
    close: () => closeSync(descriptor),
  };
}

/**
 * Opens a token file that was written whole.
 *
 * @param memoryTokens sets with more tokens than this stay in the file
 * @returns null when it is not there, cut off or damaged
 */
export async function openTokenFile(
  file: string,
  memoryTokens = MEMORY_TOKENS_MAX,
): Promise<{ readonly examples: ExampleStore; readonly facts: DatasetFacts } | null> {
  try {
    return await withFile(file, async (handle, size) => {
      // Opened first: another node may remove the file while its digest is computed.
      const inFile = tokensInFile(file);
      let stays = false;
      try {
        if (!(await isWhole(file, handle, size))) return null;
        const { tokens, index, facts } = await readArrays(file, handle, size);
        stays = tokens > memoryTokens;
        const source = stays ? inFile : await readChunks(file, handle, tokens);
        return { examples: new ExampleStore(index, source), facts };
      } finally {
        if (!stays) inFile.close();
      }
    });
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

import { createHash } from "node:crypto";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Digest } from "../../../types.ts";
import { makeFolder } from "../../files/file-access.ts";
import { digestOfFile } from "../../files/file-digest.ts";
import type { Reading } from "../examples/example-reader.ts";
import { openTokenFile, TokenFileWriter } from "./token-file.ts";

/** Raise it with any change that gives other tokens for the same files. */
const VERSION = 5;
const CACHE_BYTES_MAX = 8 * 2 ** 30;
const STALE_MS = 86_400_000;

/** SHA-256 over everything that decides the tokens: the bytes of the files, the tokenizer, how rows are read. */
async function cacheKey(files: readonly string[], reading: Reading): Promise<Digest> {
  const { tokenizer, columns, sequenceMax, packing, separator } = reading;
  const { digest, settingsDigest, bosId, eosId, chat } = tokenizer;
  const digests = [];
  for (const file of files) {
    const { sha256 } = await digestOfFile(file);
    digests.push([sha256, extname(file)]);
  }
  const parts = [
    VERSION,
    digests,
    digest,
    settingsDigest,
    bosId,
    eosId,
    chat?.digest ?? null,
    sequenceMax,
    packing,
    separator,
  ];
  const named = Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([...parts, named]))
    .digest("hex");
}

/**
 * Removes the token files that were not used for longest until the others take at most `maxBytes`, and what writers
 * left that were killed. The newest file always stays.
 */
export async function pruneCache(folder: string, maxBytes: number): Promise<void> {
  const found = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const file = join(folder, name);
      // Another node may have removed it meanwhile.
      const facts = await stat(file).catch(() => null);
      return { file, bytes: facts?.size ?? 0, used: facts?.mtimeMs ?? 0 };
    }),
  );
  const stale = found.filter(
    ({ file, used }) => file.endsWith(".part") && used < Date.now() - STALE_MS,
  );
  const tokens = found
    .filter(({ file }) => file.endsWith(".tokens"))
    .sort((a, b) => b.used - a.used);
  let total = 0;
  const extra = tokens.filter(({ bytes }, i) => {
    total += bytes;
    return i > 0 && total > maxBytes;
  });
  for (const { file } of [...stale, ...extra]) await rm(file, { force: true });
}

/** Tokens of one data set in a folder of such files, found again by what they were made from. */
export class TokenCache {
  readonly #folder: string;
  readonly #file: string;

  private constructor(folder: string, file: string) {
    this.#folder = folder;
    this.#file = file;
  }

  /** @throws KlatchError when the folder cannot be made or a data file not be read */
  static async open(
    folder: string,
    files: readonly string[],
    reading: Reading,
  ): Promise<TokenCache> {
    await makeFolder(folder, 0o700);
    return new TokenCache(folder, join(folder, `${await cacheKey(files, reading)}.tokens`));
  }

  /** What was kept; null when there is nothing, or it is damaged. */
  async read(memoryTokens?: number): ReturnType<typeof openTokenFile> {
    const found = await openTokenFile(this.#file, memoryTokens);
    if (!found) return null;
    const now = new Date();
    // For the order of forgetting alone: another node may have removed the file, and a cache may be read-only.
    await utimes(this.#file, now, now).catch(() => undefined);
    return found;
  }

  write(): Promise<TokenFileWriter> {
    return TokenFileWriter.create(this.#file);
  }

  async prune(maxBytes = CACHE_BYTES_MAX): Promise<void> {
    await pruneCache(this.#folder, maxBytes);
  }
}

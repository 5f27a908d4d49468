import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KlatchError } from "../../../errors.ts";
import { fileError, oneLine, sizeOfFile } from "../file-access.ts";
import type { HubClient, HubFile } from "./client.ts";
import { leftParts, PartFile } from "./part-file.ts";
import { pause } from "./pause.ts";

/** Attempts in a row that may bring nothing new. */
const BARREN_MAX = 5;
const RETRY_MS = 500;
/** A connection on which nothing arrives for this long is given up. */
const STALL_MS = 60_000;

export interface DownloadOptions {
  /** Told how many bytes of the file are there. */
  readonly onBytes: (received: number) => void;
  readonly onRetry: (reason: string) => void;
  readonly retryMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Bytes of a file that an earlier attempt left, the whole size when it is there. */
export async function bytesPresent(folder: string, file: HubFile): Promise<number> {
  if ((await sizeOfFile(join(folder, file.path))) === file.size) return file.size;
  const parts = await leftParts(dirname(join(folder, file.path)), file);
  return Math.max(0, ...parts.map(({ size }) => size));
}

/**
 * Brings one file into `folder`: goes on with what an earlier attempt left, checks size and digest, and renames.
 * Nothing wrong is ever seen under the file's own name, whoever else brings the same file. Each attempt writes to a
 * part of its own, `<file>.<random>.part`, into which it copies what is left of others.
 *
 * @throws KlatchError `network` when attempts bring nothing new, `data` when the content twice has another digest
 */
export async function downloadFile(
  client: HubClient,
  commit: string,
  file: HubFile,
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  const part = join(folder, `${file.path}.${randomUUID()}.part`);
  if ((await sizeOfFile(join(folder, file.path))) === file.size) return;
  for (const isLast of [false, true]) {
    const digest = await fill(part, client, commit, file, options);
    if (digest === file.digest) return await publish(part, folder, file);
    await removeParts(folder, file);
    if (!isLast) options.onRetry("the content has another digest");
  }
  throw new KlatchError(
    "data",
    `${file.path} arrived twice with another content than the hub's list promises`,
    "a proxy or mirror may change files; check HF_ENDPOINT, and try again later",
  );
}

// --- internal ---

async function publish(part: string, folder: string, file: HubFile): Promise<void> {
  const path = join(folder, file.path);
  try {
    await rename(part, path);
  } catch (error) {
    // Another attempt was done first, and has removed what it took for left.
    if ((await sizeOfFile(path)) !== file.size) throw fileError(error, path);
  }
  await removeParts(folder, file);
}

async function removeParts(folder: string, file: HubFile): Promise<void> {
  for (const { path } of await leftParts(dirname(join(folder, file.path)), file))
    await rm(path, { force: true });
}

/** Completes the part and gives the digest of its content. */
async function fill(
  part: string,
  client: HubClient,
  commit: string,
  file: HubFile,
  options: DownloadOptions,
): Promise<string> {
  let target: PartFile | undefined;
  try {
    target = await PartFile.open(part, file, await leftParts(dirname(part), file));
    let barren = 0;
    while (target.size < file.size) {
      const before = target.size;
      const reason = await receive(target, client, commit, file, options);
      if (reason === null) break;
      barren = target.size > before ? 1 : barren + 1;
      if (barren >= BARREN_MAX) throw cutOff(file, target.size, reason);
      options.onRetry(reason);
      await pause((options.retryMs ?? RETRY_MS) * 2 ** (barren - 1), options.signal);
    }
    return await target.finish();
  } catch (error) {
    throw fileError(error, part);
  } finally {
    await target?.close();
  }
}

/** Takes what one connection brings; the reason why it ended early, or null when the file is full. */
async function receive(
  target: PartFile,
  client: HubClient,
  commit: string,
  file: HubFile,
  { onBytes, signal }: DownloadOptions,
): Promise<string | null> {
  const { body, from } = await client.open(file, commit, target.size);
  if (from !== target.size) await target.restart();
  const reader = body.getReader();
  try {
    while (true) {
      const next = await withinTime(reader.read()).catch((error: unknown) => oneLine(error));
      signal?.throwIfAborted();
      if (typeof next === "string") return next;
      if (next.done) break;
      if (target.size + next.value.length > file.size) return "more bytes came than the file has";
      await target.append(next.value);
      onBytes(target.size);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return target.size < file.size ? "the connection ended early" : null;
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`nothing came for ${STALL_MS} ms`)), STALL_MS);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function cutOff(file: HubFile, received: number, reason: string): KlatchError {
  return new KlatchError(
    "network",
    `${file.path}: ${received} of ${file.size} bytes arrived, then ${reason}`,
    "run the same command again: it goes on where this one stopped",
  );
}

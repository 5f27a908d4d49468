import { readSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { z } from "zod";
import { KlatchError } from "../../errors.ts";

/** One read call takes less than 2 GiB on Linux. */
const READ_BYTES_MAX = 1 << 30;
const FORBIDDEN = new Set(["EACCES", "EPERM"]);

/**
 * Turns an error of the file system into the operating error that says which file and what to do. Any other stays
 * what it is: a bug is not a broken disk.
 */
export function fileError(error: unknown, file: string): unknown {
  if (!(error instanceof Error && "syscall" in error)) return error;
  const code = "code" in error ? String(error.code) : "unknown error";
  if (code === "ENOTDIR") {
    const what = `${dirname(file)} is a file, not a folder`;
    return new KlatchError("data", what, "name the folder that it lies in", { cause: error });
  }
  if (code === "ENOENT") {
    return new KlatchError("data", `${file} is missing`, "check the path", { cause: error });
  }
  if (FORBIDDEN.has(code)) {
    return new KlatchError("permission", `${file} may not be opened (${code})`, "change its mode", {
      cause: error,
    });
  }
  if (code === "EISDIR") {
    return new KlatchError("data", `${file} is a folder, not a file`, "name a file in it", {
      cause: error,
    });
  }
  const hint = code === "ENOSPC" ? "free some space, or choose another disk" : "check the disk";
  return new KlatchError("disk", `${file} cannot be read or written (${code})`, hint, {
    cause: error,
  });
}

/** True for an error of this module that says that the file does not exist. */
export function isMissing(error: unknown): boolean {
  const cause = error instanceof KlatchError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

/** Opens a file, runs `use` with its size in bytes, and closes it whatever happens. */
export async function withFile<T>(
  file: string,
  use: (handle: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    const { size } = await handle.stat();
    return await use(handle, size);
  } catch (error) {
    throw fileError(error, file);
  } finally {
    await handle?.close();
  }
}

function endedEarly(file: string): KlatchError {
  return new KlatchError("data", `${file} ended while it was read`, "copy the file again");
}

/** Fills `target` from `position`; a file that ends earlier throws `data`. */
export async function readExactly(
  handle: FileHandle,
  target: Uint8Array,
  position: number,
  file: string,
): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const want = Math.min(target.length - done, READ_BYTES_MAX);
    const { bytesRead } = await handle.read(target, done, want, position + done);
    if (bytesRead === 0) throw endedEarly(file);
    done += bytesRead;
  }
}

/** `readExactly` of an open file, for callers that cannot wait. */
export function readExactlySync(
  fd: number,
  target: Uint8Array,
  position: number,
  file: string,
): void {
  let done = 0;
  while (done < target.length) {
    const want = Math.min(target.length - done, READ_BYTES_MAX);
    const bytesRead = readSync(fd, target, done, want, position + done);
    if (bytesRead === 0) throw endedEarly(file);
    done += bytesRead;
  }
}

/** Reads a whole text file of at most `maxBytes`; throws `data` when it is larger or not UTF-8. */
export async function readText(file: string, maxBytes: number): Promise<string> {
  return await withFile(file, async (handle, size) => {
    if (size > maxBytes) {
      throw new KlatchError(
        "data",
        `${file} has ${size} bytes, more than the ${maxBytes} allowed`,
        "split the file or check that it is the right one",
      );
    }
    const bytes = new Uint8Array(size);
    await readExactly(handle, bytes, 0, file);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (error) {
      throw new KlatchError("data", `${file} is not UTF-8 text`, "convert the file to UTF-8", {
        cause: error,
      });
    }
  });
}

/** The message of an error on one line. A parser's may quote what it read: none of a private row's is passed on. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\s+/g, " ").slice(0, 200);
}

/** Parses JSON of a model; throws `data` with what the parser says, which may quote the text. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KlatchError(
      "data",
      `${file} is not valid JSON: ${oneLine(error)}`,
      "copy the file again",
      {
        cause: error,
      },
    );
  }
}

/** Checks a parsed value against a schema; the first thing that does not fit is named in the error. */
export function checkShape<T>(value: unknown, schema: z.ZodType<T>, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.length ? `${issue.path.join(".")}: ` : "";
  throw new KlatchError(
    "data",
    `${file} is not as expected: ${where}${issue?.message ?? "unknown"}`,
    `check ${basename(file)}`,
  );
}

/** Reads and checks a JSON file of at most `maxBytes`. */
export async function readJson<T>(
  file: string,
  schema: z.ZodType<T>,
  maxBytes = 1 << 20,
): Promise<T> {
  return checkShape(parseJson(await readText(file, maxBytes), file), schema, file);
}

/** What `reading` gives; null where the file that it asks for is missing. */
export async function ifThere<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether there is a file or folder of this name. */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** Makes a folder and those above it, by default open to whom the system opens new ones. */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode });
  } catch (error) {
    throw fileError(error, folder);
  }
}

/** Size of a file in bytes; null when it does not exist. */
export async function sizeOfFile(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fileError(error, file);
  }
}

/** Writes a file so that a reader sees the old content or the new, never a part. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await writeFile(part, content);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw fileError(error, file);
  }
}

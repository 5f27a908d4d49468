import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { fileError } from "./file-access.ts";

const READ_BYTES = 1 << 20;

/** SHA-256 of a file's content and how long that is, a part in memory at a time. */
export async function digestOfFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const part of createReadStream(path, { highWaterMark: READ_BYTES })) {
      signal?.throwIfAborted();
      hash.update(part as Uint8Array);
      bytes += (part as Uint8Array).byteLength;
    }
  } catch (error) {
    throw fileError(error, path);
  }
  return { bytes, sha256: hash.digest("hex") };
}

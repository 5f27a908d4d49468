import { createReadStream } from "node:fs";
import { KlatchError } from "../../../errors.ts";
import { fileError } from "../../files/file-access.ts";

const CHUNK_BYTES = 1 << 20;
/** Bytes that are looked at to tell text from something else. */
const HEAD_BYTES = 4096;

/** How compressed files begin, and what unpacks them; null stands for any byte. */
const COMPRESSED: readonly (readonly [
  name: string,
  tool: string,
  head: readonly (number | null)[],
])[] = [
  ["gzip", "gunzip", [0x1f, 0x8b]],
  ["Zstandard", "unzstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", "unxz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["bzip2", "bunzip2", [0x42, 0x5a, 0x68, null, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]],
  ["LZ4", "unlz4", [0x04, 0x22, 0x4d, 0x18]],
];

/** What the first bytes tell of a file that is not UTF-8 text, and what to do; null when nothing speaks against it. */
function otherContent(head: Uint8Array): readonly [what: string, hint: string] | null {
  const starts = (...bytes: readonly (number | null)[]) =>
    bytes.every((byte, i) => byte === null || head[i] === byte);
  if (starts(0xff, 0xfe) || starts(0xfe, 0xff))
    return ["is UTF-16, not UTF-8 text", "save it as UTF-8"];
  if (starts(0x50, 0x41, 0x52, 0x31)) return ["is a Parquet file", "give it the ending .parquet"];
  const packed = COMPRESSED.find(([, , bytes]) => starts(...bytes));
  if (packed)
    return [`is compressed (${packed[0]}), not UTF-8 text`, `unpack it with ${packed[1]}`];
  if (starts(0x50, 0x4b, 0x03, 0x04)) {
    return ["is a zip archive or a spreadsheet, not UTF-8 text", "unpack it, or save it as CSV"];
  }
  if (!head.includes(0)) return null;
  return ["is binary, not UTF-8 text", "name a data file: JSON Lines, JSON, CSV, Parquet or text"];
}

/**
 * The text of a file in pieces of about a megabyte, without a byte order mark; the file may be larger than memory.
 *
 * @throws KlatchError `data` when the file is missing or not UTF-8 text, saying what it looks like instead
 */
export async function* textChunks(file: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isFirst = true;
  try {
    for await (const bytes of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
      const other = isFirst ? otherContent(bytes.subarray(0, HEAD_BYTES)) : null;
      if (other) throw new KlatchError("data", `${file} ${other[0]}`, other[1]);
      isFirst = false;
      yield decoder.decode(bytes, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    // What TextDecoder throws; the generator's consumer never throws into it.
    if (!(error instanceof TypeError)) throw fileError(error, file);
    throw new KlatchError("data", `${file} is not UTF-8 text`, "convert the file to UTF-8");
  }
}

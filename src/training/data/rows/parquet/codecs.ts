import { brotliDecompressSync, unzipSync, zstdDecompressSync } from "node:zlib";
import type { Compressors } from "hyparquet";
import { compressors } from "hyparquet-compressors";

type Unpack = (input: Uint8Array, length: number) => Uint8Array;

/** An empty page has nothing to unpack, and the library's LZ4 fails at it. */
const whole =
  (unpack: Unpack): Unpack =>
  (input, length) =>
    length === 0 ? new Uint8Array() : unpack(input, length);

/** Every codec writes at most the length that the page's header tells: JavaScript's own for these three would not. */
const BOUNDED: Compressors = {
  GZIP: (input, length) => unzipSync(input, { maxOutputLength: length }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: length }),
  ZSTD: (input, length) => zstdDecompressSync(input, { maxOutputLength: length }),
};

export const CODECS: Compressors = Object.fromEntries(
  Object.entries({ ...compressors, ...BOUNDED }).map(([name, unpack]) => [name, whole(unpack)]),
);

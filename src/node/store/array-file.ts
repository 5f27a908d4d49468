import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { endianness } from "node:os";
import { z } from "zod";

/**
 * A file of named arrays:
 *
 *     "KLATCH01" | header bytes, u32 | header, JSON | sections, one after the other | SHA-256 of all before
 *
 * Integers and floats are little-endian. Any changed, missing or added byte changes the digest, so a damaged file is
 * never taken for data.
 */
const MAGIC = Buffer.from("KLATCH01", "latin1");
const DIGEST_BYTES = 32;
const HEADER_BYTES_MAX = 262_144;
/** A section for the track of each neighbour, and some. */
const SECTIONS_MAX = 1024 + 16;
/** Node reads files of less than 2 GiB in one piece. */
export const FILE_BYTES_MAX = 2 ** 31 - 1;

const headerSchema = z.strictObject({
  kind: z.string().max(32),
  fields: z.record(z.string().max(64), z.union([z.string().max(256), z.number(), z.null()])),
  sections: z
    .array(z.strictObject({ name: z.string().max(64), bytes: z.int().min(0).max(FILE_BYTES_MAX) }))
    .max(SECTIONS_MAX),
});

export interface ArrayRecord {
  readonly kind: string;
  readonly fields: Readonly<Record<string, string | number | null>>;
  readonly sections: ReadonlyMap<string, Uint8Array>;
}

/** The pieces of a file, to be written one after the other. */
export function encodeRecord(record: ArrayRecord): readonly Uint8Array[] {
  assert(endianness() === "LE", "array files are written on little-endian machines only");
  const sections = [...record.sections].map(([name, { length: bytes }]) => ({ name, bytes }));
  const header = Buffer.from(
    JSON.stringify({ kind: record.kind, fields: record.fields, sections }),
    "utf8",
  );
  assert(header.length <= HEADER_BYTES_MAX, "the header of an array file is small");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const parts = [MAGIC, length, header, ...record.sections.values()];
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return [...parts, hash.digest()];
}

/** The record in a file, or a phrase that says what is wrong with it. The sections are views of `bytes`. */
export function decodeRecord(bytes: Uint8Array): ArrayRecord | string {
  if (bytes.length < MAGIC.length + 4 + DIGEST_BYTES) return "too short";
  const body = bytes.subarray(0, bytes.length - DIGEST_BYTES);
  const digest = createHash("sha256").update(body).digest();
  if (!digest.equals(bytes.subarray(body.length))) return "its checksum does not match";
  if (!MAGIC.equals(body.subarray(0, MAGIC.length))) return "not an array file";
  const headerBytes = new DataView(body.buffer, body.byteOffset).getUint32(MAGIC.length, true);
  const headerEnd = MAGIC.length + 4 + headerBytes;
  if (headerBytes > HEADER_BYTES_MAX || headerEnd > body.length) return "its header is too long";
  const header = headerSchema.safeParse(jsonOf(body.subarray(MAGIC.length + 4, headerEnd)));
  if (!header.success) return "its header is malformed";
  const sections = cut(body, headerEnd, header.data.sections);
  return sections === null ? "its sections do not add up" : { ...header.data, sections };
}

/** The bytes behind a float array, without a copy. */
export function bytesOf(array: Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A float array with a copy of the bytes; null when they are no whole number of floats. */
export function floatsOf(bytes: Uint8Array): Float32Array | null {
  if (bytes.length % 4 !== 0) return null;
  const array = new Float32Array(bytes.length / 4);
  bytesOf(array).set(bytes);
  return array;
}

/** The value that the bytes write as JSON in UTF-8; undefined when they are no such text. */
export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

// --- internal ---

function cut(
  body: Uint8Array,
  start: number,
  layout: readonly { readonly name: string; readonly bytes: number }[],
): ReadonlyMap<string, Uint8Array> | null {
  const sections = new Map<string, Uint8Array>();
  let offset = start;
  for (const { name, bytes } of layout) {
    sections.set(name, body.subarray(offset, offset + bytes));
    offset += bytes;
  }
  return offset === body.length && sections.size === layout.length ? sections : null;
}

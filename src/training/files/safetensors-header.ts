import assert from "node:assert/strict";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { checkShape, parseJson } from "./file-access.ts";

/** Limit of the format's own reader (huggingface/safetensors, MAX_HEADER_SIZE). */
const HEADER_BYTES_MAX = 100_000_000;
const RANK_MAX = 8;
/** The first letters of the file that stands for a large one in a clone without Git LFS. */
const LFS_POINTER = "version ";

/** Bytes of one element for every type of the format; only the floats among them can be read. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
  C64: 8,
};

/** Bytes of one element of a type of the format; an unknown type is a bug and asserts. */
export function elementBytes(dtype: string): number {
  const width = ELEMENT_BYTES[dtype];
  assert(width !== undefined, `no type ${dtype}`);
  return width;
}

/** Where one tensor lies; `begin` and `end` count bytes from the start of the file. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const entrySchema = z.strictObject({
  dtype: z.string().max(16),
  shape: z.array(count).max(RANK_MAX),
  data_offsets: z.tuple([count, count]),
});
const metadataSchema = z.record(z.string(), z.string());

function broken(file: string, what: string): KlatchError {
  return new KlatchError(
    "data",
    `${file} is not an intact safetensors file: ${what}`,
    "the file may be truncated or damaged; copy or download it again",
  );
}

/** Reads the length field: the first 8 bytes, little-endian, of a file of `fileBytes` bytes. */
export function headerLength(first: Uint8Array, fileBytes: number, file: string): number {
  if (fileBytes < 8 || first.length < 8) throw broken(file, `it has only ${fileBytes} bytes`);
  if (new TextDecoder().decode(first.subarray(0, 8)) === LFS_POINTER) {
    throw new KlatchError(
      "data",
      `${file} is a pointer of Git LFS, not the weights themselves`,
      "run `git lfs pull` in that folder, or name the model by its hub id",
    );
  }
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(HEADER_BYTES_MAX)) throw broken(file, `its header claims ${length} bytes`);
  if (length > BigInt(fileBytes - 8)) {
    throw broken(file, `its header claims ${length} bytes, the whole file has ${fileBytes}`);
  }
  return Number(length);
}

function parseEntry(
  name: string,
  value: unknown,
  data: { readonly begin: number; readonly bytes: number },
  file: string,
): TensorEntry {
  const { dtype, shape, data_offsets } = checkShape(value, entrySchema, `${file} (tensor ${name})`);
  const [begin, end] = data_offsets;
  const width = ELEMENT_BYTES[dtype];
  if (width === undefined) {
    throw new KlatchError(
      "incompatible",
      `${file}: tensor ${name} has the type ${dtype}, which Klatch does not know`,
      "convert the file to F32, BF16 or F16",
    );
  }
  if (begin > end || end > data.bytes) {
    throw broken(file, `tensor ${name} lies at ${begin}..${end} of ${data.bytes} data bytes`);
  }
  // A product of counts beyond 2^53 is inexact but then far above end - begin, so it cannot pass by accident.
  const bytes = shape.reduce((product, n) => product * n, width);
  if (bytes !== end - begin) {
    throw broken(
      file,
      `tensor ${name} of shape [${shape}] ${dtype} needs ${bytes} bytes and has ${end - begin}`,
    );
  }
  return { dtype, shape, begin: data.begin + begin, end: data.begin + end };
}

/** The format has no holes and no overlaps: sorted by offset, every tensor begins where the one before ends. */
function checkCover(
  tensors: ReadonlyMap<string, TensorEntry>,
  from: number,
  to: number,
  file: string,
) {
  const byOffset = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = from;
  for (const [name, { begin, end }] of byOffset) {
    if (begin < at) throw broken(file, `tensor ${name} overlaps the one before it`);
    if (begin > at)
      throw broken(file, `${begin - at} bytes before tensor ${name} belong to nothing`);
    at = end;
  }
  if (at !== to) throw broken(file, `${to - at} bytes at its end belong to nothing`);
}

/**
 * Parses a header of a safetensors file and checks it against the file's length: types, shapes, products, offsets,
 * overlaps and holes. Format: https://github.com/huggingface/safetensors#format.
 *
 * @throws KlatchError `data` for a damaged header, `incompatible` for an unknown element type
 */
export function parseHeader(
  header: Uint8Array,
  fileBytes: number,
  file: string,
): SafetensorsHeader {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch {
    throw broken(file, "its header is not UTF-8");
  }
  const json = parseJson(text, `${file} (header)`);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw broken(file, "its header is not an object");
  }
  const data = { begin: 8 + header.length, bytes: fileBytes - 8 - header.length };
  const tensors = new Map<string, TensorEntry>();
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") metadata = checkShape(value, metadataSchema, `${file} (metadata)`);
    else tensors.set(name, parseEntry(name, value, data, file));
  }
  checkCover(tensors, data.begin, fileBytes, file);
  return { metadata, tensors };
}

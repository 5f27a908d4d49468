import assert from "node:assert/strict";
import type { FileHandle } from "node:fs/promises";
import { KlatchError } from "../../errors.ts";
import { readExactly, withFile, writeWhole } from "./file-access.ts";
import { decodeBf16, decodeF16, encodeBf16 } from "./float-formats.ts";
import {
  headerLength,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from "./safetensors-header.ts";

/** A tensor as 32-bit floats, row-major. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

async function headerOf(handle: FileHandle, size: number, file: string) {
  const first = new Uint8Array(Math.min(8, size));
  await readExactly(handle, first, 0, file);
  const header = new Uint8Array(headerLength(first, size, file));
  await readExactly(handle, header, 8, file);
  return parseHeader(header, size, file);
}

async function tensorOf(
  handle: FileHandle,
  name: string,
  entry: TensorEntry,
  file: string,
): Promise<FloatTensor> {
  const bytes = new Uint8Array(entry.end - entry.begin);
  await readExactly(handle, bytes, entry.begin, file);
  switch (entry.dtype) {
    case "F32":
      return { shape: entry.shape, data: new Float32Array(bytes.buffer) };
    case "BF16":
      return { shape: entry.shape, data: decodeBf16(bytes) };
    case "F16":
      return { shape: entry.shape, data: decodeF16(bytes) };
    default:
      throw new KlatchError(
        "incompatible",
        `${file}: tensor ${name} has the type ${entry.dtype}; F32, BF16 and F16 can be read`,
        "convert the file to F32, BF16 or F16",
      );
  }
}

/**
 * Reads the header of a safetensors file: what it holds and where.
 *
 * @throws KlatchError as {@link parseHeader}; `data` when the file is missing
 */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  return await withFile(file, (handle, size) => headerOf(handle, size, file));
}

/**
 * Reads tensors of a safetensors file as 32-bit floats, one at a time: memory is bounded by twice the file's size.
 *
 * @param wanted decides by name what is read; everything when absent
 * @throws KlatchError `data` for a missing or damaged file, `incompatible` for a wanted tensor of another type
 */
export async function readSafetensors(
  file: string,
  wanted: (name: string) => boolean = () => true,
): Promise<Safetensors> {
  return await withFile(file, async (handle, size) => {
    const header = await headerOf(handle, size, file);
    const tensors = new Map<string, FloatTensor>();
    for (const [name, entry] of header.tensors) {
      if (wanted(name)) tensors.set(name, await tensorOf(handle, name, entry, file));
    }
    return { metadata: header.metadata, tensors };
  });
}

export interface WriteOptions {
  readonly dtype?: "F32" | "BF16";
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The bytes of a safetensors file: tensors in name order, so that equal content gives equal bytes. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, FloatTensor>,
  options: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const { dtype = "F32", metadata } = options;
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const tensor = tensors.get(name);
    assert(tensor && name !== "__metadata__");
    const { shape, data } = tensor;
    assert.equal(
      data.length,
      shape.reduce((product, n) => product * n, 1),
      `${name}: shape`,
    );
    const bytes =
      dtype === "BF16"
        ? encodeBf16(data)
        : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    parts.push(bytes);
    offset += bytes.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces after the JSON let the data begin at a multiple of 8, as the format's own writer does.
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(text, 8);
  let at = 8 + headerBytes;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Writes a safetensors file whole or not at all; see {@link encodeSafetensors}. */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  options: WriteOptions = {},
): Promise<void> {
  await writeWhole(file, encodeSafetensors(tensors, options));
}

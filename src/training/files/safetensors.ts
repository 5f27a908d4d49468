import type { FileHandle } from "node:fs/promises";
import { KlatchError } from "../../errors.ts";
import { readExactly, readExactlySync, withFile } from "./file-access.ts";
import { decodeBf16, decodeF16, FLOAT_BYTES, isFloatFormat } from "./float-formats.ts";
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

/** An open safetensors file; tensors are read when they are asked for. */
export interface SafetensorsReader {
  readonly header: SafetensorsHeader;
  /** A tensor as 32-bit floats; throws `incompatible` for one that is not of a float type that Klatch reads. */
  floats(name: string, entry: TensorEntry): FloatTensor;
  /** A tensor's bytes as they lie in the file. */
  bytes(entry: TensorEntry): Promise<Uint8Array<ArrayBuffer>>;
}

/** How much of a 16-bit tensor is in memory besides its 32-bit floats. */
const PIECE_BYTES = 1 << 22;

/**
 * Opens a safetensors file for `use`, and closes it.
 *
 * @throws KlatchError as {@link parseHeader}; `data` when the file is missing or ends early
 */
export async function withSafetensors<T>(
  file: string,
  use: (reader: SafetensorsReader) => Promise<T>,
): Promise<T> {
  return await withFile(file, async (handle, size) => {
    const header = await headerOf(handle, size, file);
    return await use({
      header,
      floats: (name, entry) => readFloats(handle.fd, name, entry, file),
      async bytes({ begin, end }) {
        const bytes = new Uint8Array(end - begin);
        await readExactly(handle, bytes, begin, file);
        return bytes;
      },
    });
  });
}

/**
 * Reads tensors of a safetensors file as 32-bit floats, one at a time and in pieces: memory is that of the floats.
 *
 * @param wanted decides by name what is read; everything when absent
 * @throws KlatchError `data` for a missing or damaged file, `incompatible` for a wanted tensor of another type
 */
export async function readSafetensors(
  file: string,
  wanted: (name: string) => boolean = () => true,
): Promise<Safetensors> {
  return await withSafetensors(file, async ({ header, floats }) => {
    const tensors = new Map<string, FloatTensor>();
    for (const [name, entry] of header.tensors) {
      if (wanted(name)) tensors.set(name, floats(name, entry));
    }
    return { metadata: header.metadata, tensors };
  });
}

/**
 * A tensor of an open file as 32-bit floats. In pieces: memory is that of the floats.
 *
 * @throws KlatchError `incompatible` for one of another type, `data` when the file ends early
 */
export function readFloats(
  fd: number,
  name: string,
  { dtype, shape, begin, end }: TensorEntry,
  file: string,
): FloatTensor {
  if (!isFloatFormat(dtype)) {
    throw new KlatchError(
      "incompatible",
      `${file}: tensor ${name} has the type ${dtype}; F32, BF16 and F16 can be read`,
      "convert the file to F32, BF16 or F16",
    );
  }
  const data = new Float32Array((end - begin) / FLOAT_BYTES[dtype]);
  if (dtype === "F32") {
    readExactlySync(fd, new Uint8Array(data.buffer), begin, file);
    return { shape, data };
  }
  const decode = dtype === "BF16" ? decodeBf16 : decodeF16;
  const piece = new Uint8Array(Math.min(PIECE_BYTES, end - begin));
  for (let at = begin; at < end; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, end - at));
    readExactlySync(fd, part, at, file);
    decode(part, data.subarray((at - begin) / 2));
  }
  return { shape, data };
}

// --- internal ---

async function headerOf(handle: FileHandle, size: number, file: string) {
  const first = new Uint8Array(Math.min(8, size));
  await readExactly(handle, first, 0, file);
  const header = new Uint8Array(headerLength(first, size, file));
  await readExactly(handle, header, 8, file);
  return parseHeader(header, size, file);
}

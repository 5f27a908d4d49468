import assert from "node:assert/strict";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { fileError } from "./file-access.ts";
import { encodeFloats, type FloatFormat } from "./float-formats.ts";
import type { FloatTensor } from "./safetensors.ts";
import { elementBytes } from "./safetensors-header.ts";

/** A tensor that is going to be written. */
export interface TensorPlan {
  readonly name: string;
  /** One of the format's types. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Bytes that a tensor takes in a file. */
export function tensorBytes({ dtype, shape }: TensorPlan): number {
  return shape.reduce((product, n) => product * n, elementBytes(dtype));
}

type Metadata = Readonly<Record<string, string>>;

/** One write call takes at most 2 GiB on Linux. */
const WRITE_BYTES_MAX = 1 << 30;

/**
 * Writes a safetensors file of any size, one tensor after the other: only one is in memory at a time. The file appears
 * whole or not at all. Equal content gives equal bytes whatever the order of `plans`.
 *
 * @param content gives the bytes of a planned tensor, row-major and little-endian
 * @throws KlatchError `disk` or `permission` when the file cannot be written, and what `content` throws
 */
export async function streamSafetensors<Plan extends TensorPlan>(
  file: string,
  plans: readonly Plan[],
  content: (plan: Plan) => Promise<Uint8Array>,
  metadata?: Metadata,
): Promise<void> {
  const ordered = inFileOrder(plans);
  const part = `${file}.${process.pid}.part`;
  try {
    const handle = await open(part, "w");
    try {
      let at = await writeAll(handle, headerBytes(ordered, metadata), 0);
      for (const plan of ordered) {
        const bytes = await content(plan);
        assert.equal(bytes.length, tensorBytes(plan), `${plan.name}: size`);
        at = await writeAll(handle, bytes, at);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw fileError(error, file);
  }
}

export interface WriteOptions {
  readonly dtype?: FloatFormat;
  readonly metadata?: Metadata;
}

/** Writes float tensors that are in memory; see {@link streamSafetensors}. */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  { dtype = "F32", metadata }: WriteOptions = {},
): Promise<void> {
  const plans = [...tensors].map(([name, tensor]) => ({ ...tensor, name, dtype }));
  await streamSafetensors(file, plans, async ({ data }) => encodeFloats(data, dtype), metadata);
}

// --- internal ---

/** Wide elements first, so that every tensor lies at a multiple of its element's size; then by name. */
function inFileOrder<Plan extends TensorPlan>(plans: readonly Plan[]): readonly Plan[] {
  const order = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  return plans.toSorted(
    (a, b) => elementBytes(b.dtype) - elementBytes(a.dtype) || order(a.name, b.name),
  );
}

function headerBytes(plans: readonly TensorPlan[], metadata: Metadata | undefined): Uint8Array {
  // A map, not an object: a tensor may have the name of something that every object inherits.
  const header = new Map<string, unknown>(metadata ? [["__metadata__", metadata]] : []);
  let offset = 0;
  for (const plan of plans) {
    assert(!header.has(plan.name), `${plan.name} is named twice`);
    const end = offset + tensorBytes(plan);
    header.set(plan.name, { dtype: plan.dtype, shape: plan.shape, data_offsets: [offset, end] });
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // Spaces after the JSON let the data begin at a multiple of 8, as the format's own writer does.
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

/** Gives the position after the last byte. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, from: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const want = Math.min(bytes.length - done, WRITE_BYTES_MAX);
    const { bytesWritten } = await handle.write(bytes, done, want, from + done);
    done += bytesWritten;
  }
  return from + bytes.length;
}

import { mkdir, readdir, readFile, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../errors.ts";
import type { Adapter, Fold } from "./adapters/adapter.ts";
import { fileError, readJson, writeWhole } from "./files/file-access.ts";
import { beyondF16, encodeFloats, type FloatFormat, isFloatFormat } from "./files/float-formats.ts";
import { COMPANION_FILES, INDEX_FILE, WEIGHTS_FILE } from "./files/model-files.ts";
import { type SafetensorsReader, withSafetensors } from "./files/safetensors.ts";
import { elementBytes } from "./files/safetensors-header.ts";
import { streamSafetensors, type TensorPlan } from "./files/safetensors-writer.ts";
import { weightFiles } from "./files/weights.ts";
import type { ModelDefinition } from "./models/definition.ts";

/** What is merged, and into what. */
export interface MergeRequest {
  /** Folder of the base model. */
  readonly base: string;
  readonly definition: ModelDefinition;
  readonly adapter: Adapter;
  readonly values: Float32Array;
  readonly out: string;
  /** Format of the merged weights; null for that of each base weight. */
  readonly dtype: FloatFormat | null;
}

/**
 * Writes a Hugging Face model folder in which the adapter is part of the weights: a plain model that needs no adapter. It
 * has the files, shards and formats of the base model's folder. One weight is in memory at a time.
 *
 * @throws KlatchError `incompatible` when the method cannot be folded into weights, `usage` when the folder is the base
 *   model's own or holds other weights, `data` when a value does not fit the format, and as the files deserve
 */
export async function writeMergedModel(request: MergeRequest): Promise<void> {
  const { adapter, base, out } = request;
  if (adapter.folded === undefined) {
    throw new KlatchError(
      "incompatible",
      "this adapter cannot be folded into the weights of a plain model of the same class",
      "export it without --merged, and load it with PEFT",
    );
  }
  const files = await weightFiles(base);
  await prepareFolder(
    out,
    base,
    files.map((file) => basename(file)),
  );
  const folds = new Map(adapter.folded(request.values));
  const index = new Map<string, { readonly file: string; readonly bytes: number }>();
  for (const file of files) {
    for (const plan of await mergeFile(file, request, folds)) {
      const bytes = plan.shape.reduce((product, n) => product * n, elementBytes(plan.dtype));
      index.set(plan.name, { file: basename(file), bytes });
    }
  }
  const [missing] = folds.keys();
  if (missing !== undefined) {
    throw new KlatchError(
      "incompatible",
      `${base}: tensor ${missing} is missing`,
      "use the base model that the adapter was trained with",
    );
  }
  if (files.length > 1 || basename(files[0] ?? "") !== WEIGHTS_FILE) await writeIndex(out, index);
  await copyCompanions(request);
}

// --- internal ---

/** Nothing of the base model may be overwritten, and no old weights may stay beside the new. */
async function prepareFolder(out: string, base: string, names: readonly string[]): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    const isBase = (await realpath(out)) === (await realpath(base));
    const ours = new Set([...names, ...(names.includes(WEIGHTS_FILE) ? [] : [INDEX_FILE])]);
    const others = (await readdir(out)).filter(
      (name) => /\.(safetensors|safetensors\.index\.json)$/.test(name) && !ours.has(name),
    );
    if (!isBase && others.length === 0) return;
    throw new KlatchError(
      "usage",
      isBase ? `${out} is the base model's own folder` : `${out} holds other weights: ${others[0]}`,
      "choose an empty folder",
    );
  } catch (error) {
    throw fileError(error, out);
  }
}

/** Merges one file of weights; folds that were done are taken out of `folds`. */
async function mergeFile(
  file: string,
  { definition, out, dtype }: MergeRequest,
  folds: Map<string, Fold>,
): Promise<readonly TensorPlan[]> {
  return await withSafetensors(file, async (reader) => {
    const { tensors, metadata } = reader.header;
    const plans = [...tensors].map(([name, entry]) => ({
      name,
      dtype: dtype !== null && isFloatFormat(entry.dtype) ? dtype : entry.dtype,
      shape: entry.shape,
    }));
    const content = async (plan: TensorPlan) => {
      const name = definition.aliases.get(plan.name) ?? plan.name;
      const bytes = await mergedBytes(reader, plan, folds.get(name));
      folds.delete(name);
      return bytes;
    };
    // transformers refuses a file that does not say which framework wrote it.
    await streamSafetensors(join(out, basename(file)), plans, content, {
      format: "pt",
      ...metadata,
    });
    return plans;
  });
}

async function mergedBytes(
  reader: SafetensorsReader,
  { name, dtype }: TensorPlan,
  fold: Fold | undefined,
): Promise<Uint8Array> {
  const entry = reader.header.tensors.get(name);
  if (entry === undefined) throw new Error(`${name} was planned from this header`);
  if (!isFloatFormat(dtype) || (fold === undefined && dtype === entry.dtype)) {
    return await reader.bytes(entry);
  }
  const tensor = await reader.floats(name, entry);
  const data = fold === undefined ? tensor.data : fold(tensor);
  if (dtype === "F16") checkRange(name, data);
  return encodeFloats(data, dtype);
}

function checkRange(name: string, data: Float32Array): void {
  const largest = beyondF16(data);
  if (largest === null) return;
  throw new KlatchError(
    "data",
    `${name} holds ${largest}, which F16 cannot say`,
    "choose bf16 or f32 as the format of the merged weights",
  );
}

async function writeIndex(
  out: string,
  index: ReadonlyMap<string, { readonly file: string; readonly bytes: number }>,
): Promise<void> {
  const sorted = [...index].sort(([a], [b]) => (a < b ? -1 : 1));
  const content = {
    metadata: { total_size: sorted.reduce((sum, [, { bytes }]) => sum + bytes, 0) },
    weight_map: Object.fromEntries(sorted.map(([name, { file }]) => [name, file])),
  };
  await writeWhole(join(out, INDEX_FILE), `${JSON.stringify(content, null, 2)}\n`);
}

const TORCH_NAMES: Readonly<Record<FloatFormat, string>> = {
  F32: "float32",
  BF16: "bfloat16",
  F16: "float16",
};

/** The content alone: a base model may be read-only, its copy is not. */
async function copyFile(from: string, to: string): Promise<void> {
  const content = await readFile(from).catch((error: unknown) => {
    throw fileError(error, from);
  });
  await writeWhole(to, content);
}

/** Configuration, tokenizer and licence; config.json says in which format the weights are now. */
async function copyCompanions({ base, out, dtype }: MergeRequest): Promise<void> {
  for (const name of await readdir(base)) {
    const [from, to] = [join(base, name), join(out, name)];
    if (!COMPANION_FILES.has(name) || (name === "config.json" && dtype !== null)) continue;
    await copyFile(from, to);
  }
  if (dtype === null) return;
  const config = await readJson(join(base, "config.json"), z.looseObject({}));
  // The field's name changed in transformers 4.56; both are read.
  const field = "dtype" in config ? "dtype" : "torch_dtype";
  const changed = { ...config, [field]: TORCH_NAMES[dtype] };
  await writeWhole(join(out, "config.json"), `${JSON.stringify(changed, null, 2)}\n`);
}

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { fileError, readJson, readText, writeWhole } from "../files/file-access.ts";
import {
  beyondF16,
  encodeFloats,
  type FloatFormat,
  isFloatFormat,
} from "../files/float-formats.ts";
import { setFields } from "../files/json-fields.ts";
import {
  COMPANION_FILES,
  CONFIG_BYTES_MAX,
  INDEX_FILE,
  WEIGHTS_FILE,
} from "../files/model-files.ts";
import { type FloatTensor, type SafetensorsReader, withSafetensors } from "../files/safetensors.ts";
import { elementBytes } from "../files/safetensors-header.ts";
import { streamSafetensors, type TensorPlan } from "../files/safetensors-writer.ts";
import { weightFiles } from "../files/weights.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { Adapter, Fold } from "./adapter.ts";
import { type MergedForm, mergedForm } from "./merged-form.ts";

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
 * has the files, shards and formats of the base model's folder. A classification head makes it a model of transformers'
 * class for that; the head lies in the first file, as F32 unless another format is asked for. One weight is in memory at a
 * time.
 *
 * @throws KlatchError `incompatible` when the method or the head has no place in a plain model, `usage` when the folder is the base
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
  const form = mergedForm(request.definition, adapter, request.values);
  const files = await weightFiles(base);
  await prepareFolder(
    out,
    base,
    files.map((file) => basename(file)),
  );
  const folds = new Map(adapter.folded(request.values));
  const added = new Map(form.added);
  const all = await namesIn(files);
  const index = new Map<string, { readonly file: string; readonly bytes: number }>();
  for (const file of files) {
    for (const plan of await mergeFile(file, request, { ...form, all, folds, added })) {
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
  await copyCompanions(request, form.config);
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

async function namesIn(files: readonly string[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const file of files) {
    await withSafetensors(file, async ({ header }) => {
      for (const name of header.tensors.keys()) names.add(name);
    });
  }
  return names;
}

/** What is still to be written, and how tensors are called. */
interface Pending extends Pick<MergedForm, "nameOf"> {
  readonly all: ReadonlySet<string>;
  readonly folds: Map<string, Fold>;
  readonly added: Map<string, FloatTensor>;
}

/** A tensor of a merged file and how its bytes come about. */
interface Part {
  readonly plan: TensorPlan;
  bytes(): Promise<Uint8Array>;
}

/** Merges one file of weights; what was done is taken out of `pending`. */
async function mergeFile(
  file: string,
  request: MergeRequest,
  pending: Pending,
): Promise<readonly TensorPlan[]> {
  return await withSafetensors(file, async (reader) => {
    const parts = [...keptParts(reader, request, pending), ...addedParts(request, pending)];
    const byName = new Map(parts.map((part) => [part.plan.name, part]));
    const content = async ({ name }: TensorPlan) => {
      const part = byName.get(name);
      assert(part, `a part for each plan: ${name}`);
      return await part.bytes();
    };
    const plans = parts.map(({ plan }) => plan);
    // transformers refuses a file that does not say which framework wrote it.
    const metadata = { format: "pt", ...reader.header.metadata };
    await streamSafetensors(join(request.out, basename(file)), plans, content, metadata);
    return plans;
  });
}

/** The tensors of the base that stay. */
function keptParts(
  reader: SafetensorsReader,
  { definition, dtype }: MergeRequest,
  { nameOf, all, folds }: Pending,
): readonly Part[] {
  return [...reader.header.tensors].flatMap(([stored, entry]) => {
    const name = nameOf(stored, all);
    if (name === undefined) return [];
    const format = dtype !== null && isFloatFormat(entry.dtype) ? dtype : entry.dtype;
    const own = definition.aliases.get(stored) ?? stored;
    const fold = folds.get(own);
    folds.delete(own);
    const plan = { name, dtype: format, shape: entry.shape };
    return [{ plan, bytes: () => mergedBytes(reader, stored, format, fold) }];
  });
}

/** The tensors that the base has not, all in the first file. */
function addedParts({ dtype }: MergeRequest, { added }: Pending): readonly Part[] {
  const format = dtype ?? "F32";
  const parts = [...added].map(([name, { shape, data }]) => ({
    plan: { name, dtype: format, shape },
    bytes: async () => encoded(name, data, format),
  }));
  added.clear();
  return parts;
}

async function mergedBytes(
  reader: SafetensorsReader,
  stored: string,
  dtype: string,
  fold: Fold | undefined,
): Promise<Uint8Array> {
  const entry = reader.header.tensors.get(stored);
  assert(entry, `${stored} was planned from this header`);
  if (!isFloatFormat(dtype) || (fold === undefined && dtype === entry.dtype)) {
    return await reader.bytes(entry);
  }
  const tensor = reader.floats(stored, entry);
  return encoded(stored, fold === undefined ? tensor.data : fold(tensor), dtype);
}

function encoded(name: string, data: Float32Array, dtype: FloatFormat): Uint8Array {
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

/** Configuration, tokenizer and licence; config.json says what the model is now. */
async function copyCompanions(
  { base, out, dtype }: MergeRequest,
  fields: MergedForm["config"],
): Promise<void> {
  const sameConfig = dtype === null && Object.keys(fields).length === 0;
  for (const name of await readdir(base)) {
    if (!COMPANION_FILES.has(name) || (name === "config.json" && !sameConfig)) continue;
    await copyFile(join(base, name), join(out, name));
  }
  if (sameConfig) return;
  const file = join(base, "config.json");
  // The field's name changed in transformers 4.56; both are read.
  const field = "dtype" in (await readJson(file, z.looseObject({}))) ? "dtype" : "torch_dtype";
  const format = dtype === null ? {} : { [field]: TORCH_NAMES[dtype] };
  const text = setFields(await readText(file, CONFIG_BYTES_MAX), { ...fields, ...format });
  await writeWhole(join(out, "config.json"), text);
}

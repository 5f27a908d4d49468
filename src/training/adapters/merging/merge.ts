import { mkdir, readdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { fileError, makeFolder, readJson, readText, writeWhole } from "../../files/file-access.ts";
import type { FloatFormat } from "../../files/float-formats.ts";
import { requireSpace } from "../../files/free-space.ts";
import { setFields } from "../../files/json-fields.ts";
import {
  CONFIG_BYTES_MAX,
  INDEX_FILE,
  isCompanion,
  TEMPLATES_FOLDER,
  WEIGHTS_FILE,
} from "../../files/model-files.ts";
import { withSafetensors } from "../../files/safetensors.ts";
import { streamSafetensors, tensorBytes } from "../../files/safetensors-writer.ts";
import { weightFiles } from "../../files/weights.ts";
import type { ModelDefinition } from "../../models/definition.ts";
import type { Adapter } from "../adapter.ts";
import { type MergedFile, planMerge } from "./merge-plan.ts";
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
 * Writes a Hugging Face model folder in which the adapter is part of the weights: a plain model that needs no
 * adapter. It has the files, shards and formats of the base model's folder. A classification head makes it a model of
 * transformers' class for that; the head lies in the first file, as F32 unless another format is asked for. One
 * weight is in memory at a time.
 *
 * @throws KlatchError `incompatible` when the method or the head has no place in a plain model, `usage` when the
 *   folder is the base model's own or holds other weights, `data` when a value does not fit the format, and as the
 *   files deserve
 */
export async function writeMergedModel(request: MergeRequest): Promise<void> {
  const { adapter, values, definition, dtype, base, out } = request;
  if (adapter.folded === undefined) {
    throw new KlatchError(
      "incompatible",
      "this adapter cannot be folded into the weights of a plain model of the same class",
      "export it without --merged: PEFT loads every kind but bottleneck, Klatch all",
    );
  }
  const form = mergedForm(definition, adapter, values);
  const folds = adapter.folded(values);
  const files = await planMerge(await weightFiles(base), { definition, folds, form, dtype });
  const names = files.map(({ file }) => basename(file));
  await requireSpace(out, sizeOf(files));
  await prepareFolder(out, base, names);
  for (const each of files) await writeWeights(out, each);
  if (!names.includes(WEIGHTS_FILE)) await writeIndex(out, files);
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

function sizeOf(files: readonly MergedFile[]): number {
  return files
    .flatMap(({ tensors }) => tensors)
    .reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
}

/** One weight of the base is in memory at a time. */
async function writeWeights(out: string, { file, metadata, tensors }: MergedFile): Promise<void> {
  await withSafetensors(file, (base) =>
    // transformers refuses a file that does not say which framework wrote it.
    streamSafetensors(join(out, basename(file)), tensors, (each) => each.bytes(base), {
      format: "pt",
      ...metadata,
    }),
  );
}

async function writeIndex(out: string, files: readonly MergedFile[]): Promise<void> {
  const places = files.flatMap(({ file, tensors }) =>
    tensors.map((tensor) => ({ ...tensor, file: basename(file) })),
  );
  places.sort((a, b) => (a.name < b.name ? -1 : 1));
  const content = {
    metadata: { total_size: places.reduce((sum, tensor) => sum + tensorBytes(tensor), 0) },
    weight_map: Object.fromEntries(places.map(({ name, file }) => [name, file])),
  };
  await writeWhole(join(out, INDEX_FILE), `${JSON.stringify(content, null, 2)}\n`);
}

const TORCH_NAMES: Readonly<Record<FloatFormat, string>> = {
  F32: "float32",
  BF16: "bfloat16",
  F16: "float16",
};

/** Paths of the files that a merged model has of its base. */
async function companions(base: string): Promise<readonly string[]> {
  const names = await readdir(base);
  const templates = names.includes(TEMPLATES_FOLDER)
    ? await readdir(join(base, TEMPLATES_FOLDER))
    : [];
  const paths = [...names, ...templates.map((name) => `${TEMPLATES_FOLDER}/${name}`)];
  return paths.filter(isCompanion);
}

/** The content alone: a base model may be read-only, its copy is not. */
async function copyFile(from: string, to: string): Promise<void> {
  const content = await readFile(from).catch((error: unknown) => {
    throw fileError(error, from);
  });
  await makeFolder(dirname(to));
  await writeWhole(to, content);
}

/** Configuration, tokenizer and licence; config.json says what the model is now. */
async function copyCompanions(
  { base, out, dtype }: MergeRequest,
  fields: MergedForm["config"],
): Promise<void> {
  const sameConfig = dtype === null && Object.keys(fields).length === 0;
  for (const path of await companions(base)) {
    if (path !== "config.json" || sameConfig) await copyFile(join(base, path), join(out, path));
  }
  if (sameConfig) return;
  const file = join(base, "config.json");
  // The field's name changed in transformers 4.56; both are read.
  const field = "dtype" in (await readJson(file, z.looseObject({}))) ? "dtype" : "torch_dtype";
  const format = dtype === null ? {} : { [field]: TORCH_NAMES[dtype] };
  const text = setFields(await readText(file, CONFIG_BYTES_MAX), { ...fields, ...format });
  await writeWhole(join(out, "config.json"), text);
}

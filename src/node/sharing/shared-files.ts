import { existsSync } from "node:fs";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import {
  type HubOptions,
  isModelFile,
  listModelFiles,
  type ModelFile,
  parseHubModel,
  resolveModel,
} from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import { bundledModel } from "../folders/package-folder.ts";

/** A list of this many files takes half of an offer. */
const FILES_MAX = 256;
const FILE_BYTES_MAX = 2 ** 40;
const MODEL_BYTES_MAX = 2 ** 42;
const CONFIG = "config.json";
const WEIGHTS = /\.safetensors$/;

/** The files of a model as a run's creator lists them: plain names, each once, nothing that is no part of a model. */
export const modelFilesSchema = z
  .array(
    z.strictObject({
      name: z.string().refine(isModelFile, "it is no name of a file of a model"),
      bytes: z.int().min(0).max(FILE_BYTES_MAX),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  )
  .max(FILES_MAX)
  .refine(areApart, "a name is there twice")
  .refine((files) => totalBytes(files) <= MODEL_BYTES_MAX, "all together they are too large")
  .refine((files) => files.some(({ name }) => name === CONFIG), `there is no ${CONFIG}`)
  .refine((files) => files.some(({ name }) => WEIGHTS.test(name)), "there are no weights");

export function totalBytes(files: readonly Pick<ModelFile, "bytes">[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Whether a configuration's model is one of the hub. */
export function isOfHub(model: string): boolean {
  return parseHubModel(model) !== null && !existsSync(model);
}

/** What the creator of a run gives to who joins, or why a model that is its own stays with it; null for neither. */
export type ModelShare =
  | { readonly files: readonly ModelFile[] }
  | { readonly stays: string }
  | null;

/**
 * The files that the creator of a run gives to who joins. All are read once.
 *
 * @throws KlatchError where the model is not here whole; where it is asked for always, and cannot be listed
 */
export async function modelToShare(
  { model, shareModel }: Pick<Config, "model" | "shareModel">,
  hub: HubOptions,
): Promise<ModelShare> {
  if (shareModel === "never" || model === bundledModel()) return null;
  if (shareModel === "folder" && isOfHub(model)) return null;
  const { folder } = await resolveModel(model, hub);
  try {
    const files = await listModelFiles(folder);
    const { error } = modelFilesSchema.safeParse(files);
    if (error === undefined) return { files };
    throw new KlatchError("incompatible", error.issues[0]?.message ?? "unknown", "");
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    if (shareModel === "folder" && error.code === "incompatible") return { stays: error.message };
    throw notShared(error);
  }
}

// --- internal ---

/** Some systems take names that differ in capitals alone for one. */
function areApart(files: readonly Pick<ModelFile, "name">[]): boolean {
  return new Set(files.map(({ name }) => name.toLowerCase())).size === files.length;
}

function notShared(cause: KlatchError): KlatchError {
  return new KlatchError(
    cause.code,
    `the model cannot be given to who joins: ${cause.message}`,
    "with --share-model never each organisation brings its own copy",
    { cause },
  );
}

import { KlatchError } from "../../../errors.ts";
import { INDEX_FILE, isCompanion, WEIGHTS_FILE } from "../model-files.ts";
import { OTHER_FORMATS } from "../weights.ts";
import type { HubFile } from "./client.ts";

const SMALL_BYTES_MAX = 1 << 27;

/** What of a repository is fetched: first the small files, by which a model is judged, then the weights. */
export interface Selection {
  readonly small: readonly HubFile[];
  /** The one file, or null for a model in shards, which its index names. */
  readonly single: HubFile | null;
  readonly shard: (name: string) => HubFile | null;
}

/**
 * Chooses the files of a model.
 *
 * @throws KlatchError `incompatible` for a repository that is no model with safetensors weights
 */
export function selectFiles(id: string, files: readonly HubFile[]): Selection {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const single = byPath.get(WEIGHTS_FILE) ?? null;
  const index = byPath.get(INDEX_FILE);
  if (!byPath.has("config.json")) throw notAModel(id, byPath);
  if (single === null && index === undefined) throw noSafetensors(id, files);
  const small = files.filter(({ path }) => isCompanion(path));
  if (single === null && index !== undefined) small.push(index);
  for (const { path, size } of small) {
    if (size > SMALL_BYTES_MAX) {
      const what = `${path} of ${id} has ${size} bytes, more than ${SMALL_BYTES_MAX}`;
      throw new KlatchError("incompatible", what, "this is no model that Klatch can read");
    }
  }
  return { small, single, shard: (name) => byPath.get(name) ?? null };
}

// --- internal ---

function notAModel(id: string, byPath: ReadonlyMap<string, HubFile>): KlatchError {
  return byPath.has("adapter_config.json")
    ? new KlatchError(
        "incompatible",
        `${id} is an adapter, not a model: it has adapter_config.json and no config.json`,
        "name its base model with --model, and download the adapter as a folder for --adapter",
      )
    : new KlatchError(
        "incompatible",
        `${id} has no config.json, so it is no transformers model`,
        "name a repository with config.json, tokenizer.json and safetensors weights",
      );
}

function noSafetensors(id: string, files: readonly HubFile[]): KlatchError {
  const others = files.map(({ path }) => path).filter((path) => OTHER_FORMATS.test(path));
  const has = others.length === 0 ? "no weights" : `only ${others.slice(0, 4).join(", ")}`;
  return new KlatchError(
    "incompatible",
    `${id} has no ${WEIGHTS_FILE}: ${has}`,
    "Klatch reads safetensors in F32, BF16 or F16, never pickles or GGUF; look for a revision or copy with them",
  );
}

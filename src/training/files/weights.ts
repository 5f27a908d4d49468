import { closeSync, fstatSync, openSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { exists, fileError, readJson } from "./file-access.ts";
import { INDEX_FILE, WEIGHTS_FILE } from "./model-files.ts";
import { type FloatTensor, readFloats, withSafetensors } from "./safetensors.ts";
import type { TensorEntry } from "./safetensors-header.ts";

/** Formats of weights that Klatch does not read; named in errors. */
export const OTHER_FORMATS = /\.(bin|pt|pth|ckpt|gguf|ggml|h5|msgpack|onnx|safetensors)$/;
const SHARDS_MAX = 1024;
const INDEX_BYTES_MAX = 1 << 24;

/** A shard's name must be a plain file name: an index may not point outside its folder. */
const indexSchema = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[\w-][\w.-]*\.safetensors$/)),
});

/** The safetensors files of a model folder: the single one, or those named by the index of a sharded model. */
export async function weightFiles(folder: string): Promise<readonly string[]> {
  const single = join(folder, WEIGHTS_FILE);
  if (await exists(single)) return [single];
  if (!(await exists(join(folder, INDEX_FILE)))) {
    const others = (await readdir(folder)).filter((name) => OTHER_FORMATS.test(name)).sort();
    throw new KlatchError(
      "data",
      `${folder} holds neither ${WEIGHTS_FILE} nor ${INDEX_FILE}${others.length === 0 ? "" : `, only ${others.slice(0, 4).join(", ")}`}`,
      "give a Hugging Face model folder with its weights as safetensors in F32, BF16 or F16; pickles and GGUF are not read",
    );
  }
  return (await shardNames(folder)).map((name) => join(folder, name));
}

/**
 * Names of the files that hold a sharded model's weights, from its index.
 *
 * @throws KlatchError `data` when the index is missing or malformed
 */
export async function shardNames(folder: string): Promise<readonly string[]> {
  const index = join(folder, INDEX_FILE);
  const { weight_map } = await readJson(index, indexSchema, INDEX_BYTES_MAX);
  const files = [...new Set(Object.values(weight_map))].sort();
  if (files.length === 0 || files.length > SHARDS_MAX) {
    throw new KlatchError("data", `${index} names ${files.length} files`, "copy the model again");
  }
  return files;
}

/** Tensors by name, each read when it is asked for; a map of tensors in memory is one too. */
export type TensorSource = Pick<ReadonlyMap<string, FloatTensor>, "has" | "get" | "keys">;

/**
 * The weights of a Hugging Face model folder, from one safetensors file or from the shards of an index. Headers are
 * read now, a tensor anew at every `get`, which blocks the thread: whoever packs weights has one of them in memory at
 * a time. `get` throws `data` when a file was changed since, `incompatible` for a tensor of another type.
 *
 * @throws KlatchError `data` when a file is missing, damaged, or two shards hold the same tensor
 */
export async function openWeights(folder: string): Promise<TensorSource> {
  const places = new Map<string, Place>();
  for (const file of await weightFiles(folder)) {
    const { mtimeMs } = await stat(file).catch((error: unknown) => {
      throw fileError(error, file);
    });
    const { tensors } = await withSafetensors(file, async ({ header }) => header);
    for (const [name, entry] of tensors) {
      if (places.has(name)) {
        throw new KlatchError(
          "data",
          `${file}: tensor ${name} is in an earlier shard too`,
          "copy the model again",
        );
      }
      places.set(name, { file, mtimeMs, entry });
    }
  }
  return {
    has: (name) => places.has(name),
    keys: () => places.keys(),
    get(name) {
      const place = places.get(name);
      return place && readPlace(name, place);
    },
  };
}

// --- internal ---

/** Where a tensor lies, and when its file was last changed. */
interface Place {
  readonly file: string;
  readonly mtimeMs: number;
  readonly entry: TensorEntry;
}

function readPlace(name: string, { file, mtimeMs, entry }: Place): FloatTensor {
  let fd: number | undefined;
  try {
    fd = openSync(file, "r");
    if (fstatSync(fd).mtimeMs === mtimeMs) return readFloats(fd, name, entry, file);
    throw new KlatchError("data", `${file} was changed while Klatch read it`, "start again");
  } catch (error) {
    throw fileError(error, file);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

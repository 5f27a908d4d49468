import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { readJson } from "./file-access.ts";
import { INDEX_FILE, WEIGHTS_FILE } from "./model-files.ts";
import { type FloatTensor, readSafetensors } from "./safetensors.ts";

/** Formats of weights that Klatch does not read; named in errors. */
export const OTHER_FORMATS = /\.(bin|pt|pth|ckpt|gguf|ggml|h5|msgpack|onnx|safetensors)$/;
const SHARDS_MAX = 1024;
const INDEX_BYTES_MAX = 1 << 24;

/** A shard's name must be a plain file name: an index may not point outside its folder. */
const indexSchema = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[\w-][\w.-]*\.safetensors$/)),
});

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

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

/**
 * Reads the wanted weights of a Hugging Face model folder, from one safetensors file or from the shards of an index.
 *
 * @throws KlatchError `data` when a file is missing, damaged, or two shards hold the same tensor
 */
export async function readWeights(
  folder: string,
  wanted: (name: string) => boolean,
): Promise<ReadonlyMap<string, FloatTensor>> {
  const all = new Map<string, FloatTensor>();
  for (const file of await weightFiles(folder)) {
    const { tensors } = await readSafetensors(file, wanted);
    for (const [name, tensor] of tensors) {
      if (all.has(name)) {
        throw new KlatchError(
          "data",
          `${file}: tensor ${name} is in an earlier shard too`,
          "copy the model again",
        );
      }
      all.set(name, tensor);
    }
  }
  return all;
}

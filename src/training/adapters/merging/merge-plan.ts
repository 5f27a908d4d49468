import { KlatchError } from "../../../errors.ts";
import {
  beyondF16,
  encodeFloats,
  type FloatFormat,
  isFloatFormat,
} from "../../files/float-formats.ts";
import {
  type FloatTensor,
  type SafetensorsReader,
  withSafetensors,
} from "../../files/safetensors.ts";
import type { SafetensorsHeader, TensorEntry } from "../../files/safetensors-header.ts";
import type { TensorPlan } from "../../files/safetensors-writer.ts";
import type { ModelDefinition } from "../../models/definition.ts";
import type { Fold } from "../adapter.ts";
import type { MergedForm } from "./merged-form.ts";

/** A tensor of a merged model, and how its bytes are made from the open file of the base. */
export interface MergedTensor extends TensorPlan {
  bytes(base: SafetensorsReader): Promise<Uint8Array>;
}

/** A file of the base's weights and what takes its place. */
export interface MergedFile {
  readonly file: string;
  readonly metadata: SafetensorsHeader["metadata"];
  readonly tensors: readonly MergedTensor[];
}

/** What decides the tensors of a merged model. */
export interface MergePlan {
  readonly definition: ModelDefinition;
  /** How the base's weights change, by name. */
  readonly folds: ReadonlyMap<string, Fold>;
  readonly form: MergedForm;
  /** Format of the merged weights; null for that of each base weight. */
  readonly dtype: FloatFormat | null;
}

/**
 * What every file of a merged model holds, from the headers of the base's files alone. Tensors that the base has not
 * lie in the first.
 *
 * @throws KlatchError `incompatible` when a weight that the adapter changes is in none of them
 */
export async function planMerge(
  files: readonly string[],
  { definition, folds, form, dtype }: MergePlan,
): Promise<readonly MergedFile[]> {
  const stored = await Promise.all(files.map(headerOf));
  const all = new Set(stored.flatMap(({ tensors }) => [...tensors.keys()]));
  const ownName = (name: string) => definition.aliases.get(name) ?? name;
  checkComplete(folds, new Set([...all].map(ownName)));
  const kept = (tensors: SafetensorsHeader["tensors"]) =>
    [...tensors].flatMap(([old, entry]) => {
      const name = form.nameOf(old, all);
      return name === undefined
        ? []
        : [keptTensor(name, old, entry, dtype, folds.get(ownName(old)))];
    });
  const added = [...form.added].map(([name, tensor]) => addedTensor(name, tensor, dtype ?? "F32"));
  return stored.map(({ file, metadata, tensors }, i) => ({
    file,
    metadata,
    tensors: [...kept(tensors), ...(i === 0 ? added : [])],
  }));
}

// --- internal ---

async function headerOf(file: string): Promise<SafetensorsHeader & { readonly file: string }> {
  return await withSafetensors(file, async ({ header }) => ({ file, ...header }));
}

function checkComplete(folds: ReadonlyMap<string, Fold>, names: ReadonlySet<string>): void {
  const missing = [...folds.keys()].find((name) => !names.has(name));
  if (missing === undefined) return;
  throw new KlatchError(
    "incompatible",
    `the base model's files have no tensor ${missing}`,
    "use the base model that the adapter was trained with",
  );
}

/** A tensor of the base that stays, as it is or with the adapter folded in. */
function keptTensor(
  name: string,
  stored: string,
  entry: TensorEntry,
  wanted: FloatFormat | null,
  fold: Fold | undefined,
): MergedTensor {
  const { shape } = entry;
  const dtype = wanted !== null && isFloatFormat(entry.dtype) ? wanted : entry.dtype;
  return {
    name,
    dtype,
    shape,
    async bytes(base) {
      const unchanged = fold === undefined && dtype === entry.dtype;
      if (unchanged || !isFloatFormat(dtype)) return await base.bytes(entry);
      const tensor = base.floats(stored, entry);
      return encoded(stored, fold === undefined ? tensor.data : fold(tensor), dtype);
    },
  };
}

function addedTensor(name: string, { shape, data }: FloatTensor, dtype: FloatFormat): MergedTensor {
  return { name, dtype, shape, bytes: async () => encoded(name, data, dtype) };
}

function encoded(name: string, data: Float32Array, dtype: FloatFormat): Uint8Array {
  const largest = dtype === "F16" ? beyondF16(data) : null;
  if (largest === null) return encodeFloats(data, dtype);
  throw new KlatchError(
    "data",
    `${name} holds ${largest}, which F16 cannot say`,
    "choose bf16 or f32 as the format of the merged weights",
  );
}

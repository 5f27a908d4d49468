import assert from "node:assert/strict";
import { createHash, type Hash } from "node:crypto";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import type { FloatTensor } from "../files/safetensors.ts";
import { openWeights, type TensorSource } from "../files/weights.ts";
import { readModelConfig, readUntiedConfig } from "../models/architectures/architectures.ts";
import { classifierOf } from "../models/classifier.ts";
import type { ModelDefinition } from "../models/definition.ts";

/** The head of a checkpoint that was saved as a classifier. */
export interface StoredHead {
  /** What its outputs mean, in their order. */
  readonly classes: readonly string[];
  /** Its weights by their Hugging Face names, e.g. `classifier.out_proj.weight` [classes, hidden]. */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

/** A frozen base model whose weights are read when they are asked for. */
export interface BaseModel {
  readonly definition: ModelDefinition;
  /**
   * A weight by its Hugging Face name, e.g. `model.layers.0.self_attn.q_proj.weight` with shape [out, in], or by an
   * alias: for a tied model the embedding and the head are the same tensor. It may be read anew at every call, so
   * keep what is used more than once. An unknown name is a bug and asserts.
   *
   * @throws KlatchError `data` when its file was changed since the model was loaded
   */
  tensor(name: string): FloatTensor;
  /** Where a classifier's training begins; part of the digest. Absent where the checkpoint has none. */
  readonly head?: StoredHead;
  readonly digest: Digest;
  /** Number of parameters; a tied matrix counts once. */
  readonly parameters: number;
  /** Stored tensors that have no place in the model, such as the head of another task; in name order. */
  readonly unused: readonly string[];
  /** Set where config.json ties the head to the embedding and the files hold another one, which is used. */
  readonly untied?: true;
}

const ONE_MODEL = "config.json and the weights must belong to the same model";

/** A hash takes less than 2 GiB at once. */
const HASH_BYTES_MAX = 1 << 30;

/** Files may store a weight under its alias (a tied head for the embedding); it is found under its own name. */
function storedNames(
  { aliases, weights }: ModelDefinition,
  stored: TensorSource,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [alias, name] of aliases) if (stored.has(alias)) found.set(name, alias);
  for (const name of weights.keys()) if (stored.has(name)) found.set(name, name);
  return found;
}

/**
 * With fewer layers in config.json than in the files, another model than its makers' would be trained without a word.
 */
function checkLayers(
  { layers, weights, aliases }: ModelDefinition,
  stored: TensorSource,
  folder: string,
): void {
  for (const name of [...weights.keys(), ...aliases.keys()]) {
    const next = name.replace(`.${layers - 1}.`, `.${layers}.`);
    if (next === name || !stored.has(next)) continue;
    const what = `config.json has ${layers} layers, the weights have more: ${next}`;
    throw new KlatchError("incompatible", `${folder}: ${what}`, ONE_MODEL);
  }
}

function checkTensor(
  name: string,
  tensor: FloatTensor | undefined,
  expected: readonly number[],
  folder: string,
): asserts tensor is FloatTensor {
  if (!tensor) {
    throw new KlatchError("incompatible", `${folder}: tensor ${name} is missing`, ONE_MODEL);
  }
  if (tensor.shape.length !== expected.length || tensor.shape.some((n, i) => n !== expected[i])) {
    throw new KlatchError(
      "incompatible",
      `${folder}: tensor ${name} has the shape [${tensor.shape}], config.json asks for [${expected}]`,
      ONE_MODEL,
    );
  }
  if (!allFinite(tensor.data)) {
    throw new KlatchError(
      "data",
      `${folder}: tensor ${name} holds NaN or infinity`,
      "the weights are damaged or were saved from a diverged training; use another copy",
    );
  }
}

/** NaN and infinities spread through a sum: x - x is 0 only for finite x. */
function allFinite(data: Float32Array): boolean {
  let spread = 0;
  // By index: an iterator takes ten times as long, and a model has every one of its weights looked at.
  for (let i = 0; i < data.length; i += 1) spread += (data[i] ?? 0) - (data[i] ?? 0);
  return spread === 0;
}

/**
 * Puts a base model together from its weights. Each weight is read once now, and its name, shape and finiteness are
 * checked. The model's identity is the SHA-256 over the configuration as JSON and, in name order, every weight's
 * name, shape and 32-bit values; those of a classifier's head and its classes come after them. So copies in BF16 and
 * F32 of the same values are the same model, whatever the files look like.
 *
 * @throws KlatchError `incompatible` for a missing weight, another shape or more layers, `data` for NaN or infinity
 */
export function makeBaseModel(
  definition: ModelDefinition,
  stored: TensorSource,
  source: string,
): BaseModel {
  const { architecture, settings, weights, aliases } = definition;
  checkLayers(definition, stored, source);
  const names = storedNames(definition, stored);
  const hash = createHash("sha256");
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  hash.update(JSON.stringify([architecture, sorted]));
  let parameters = 0;
  for (const [name, shape] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const tensor = stored.get(names.get(name) ?? name);
    checkTensor(name, tensor, shape, source);
    hashTensor(hash, name, tensor);
    parameters += tensor.data.length;
  }
  const head = storedHead(definition, stored, source);
  if (head !== undefined) hashHead(hash, head);
  return {
    definition,
    parameters,
    unused: unusedNames(definition, stored, head),
    ...(head === undefined ? {} : { head }),
    digest: hash.digest("hex"),
    tensor(requested) {
      const name = names.get(aliases.get(requested) ?? requested);
      const tensor = name === undefined ? undefined : stored.get(name);
      assert(tensor, `no tensor ${requested}`);
      return tensor;
    },
  };
}

/** What older versions of transformers stored besides weights: masks, positions and the divisors of rotations. */
const BUFFERS =
  /(^|\.)(position_ids|rotary_emb\.(inv_freq|cos_cached|sin_cached)|(attn|attention)\.(masked_)?bias)$/;

function unusedNames(
  { weights, aliases }: ModelDefinition,
  stored: TensorSource,
  head: StoredHead | undefined,
): readonly string[] {
  return [...stored.keys()]
    .filter((name) => !weights.has(name) && !aliases.has(name) && !head?.tensors.has(name))
    .filter((name) => !BUFFERS.test(name))
    .sort();
}

/** A file may hold a part of a head alone, or none: then it begins anew. */
function storedHead(
  definition: ModelDefinition,
  stored: TensorSource,
  source: string,
): StoredHead | undefined {
  const { classes } = definition;
  if (classes === undefined) return undefined;
  const tensors = new Map<string, FloatTensor>();
  for (const { module, inputs, outputs, bias } of classifierOf(definition).layers(classes.length)) {
    const shapes = { weight: [outputs, inputs], ...(bias ? { bias: [outputs] } : {}) };
    for (const [part, shape] of Object.entries(shapes)) {
      const name = `${module}.${part}`;
      if (!stored.has(name)) return undefined;
      const tensor = stored.get(name);
      checkTensor(name, tensor, shape, source);
      tensors.set(name, tensor);
    }
  }
  return { classes, tensors };
}

function hashHead(hash: Hash, { classes, tensors }: StoredHead): void {
  hash.update(`\n${JSON.stringify(classes)}`);
  for (const [name, tensor] of tensors) hashTensor(hash, name, tensor);
}

function hashTensor(hash: Hash, name: string, { shape, data }: FloatTensor): void {
  const { buffer, byteOffset, byteLength } = data;
  hash.update(`\n${name}[${shape}]\n`);
  for (let at = 0; at < byteLength; at += HASH_BYTES_MAX) {
    const length = Math.min(HASH_BYTES_MAX, byteLength - at);
    hash.update(new Uint8Array(buffer, byteOffset + at, length));
  }
}

/**
 * Reads a Hugging Face model folder: config.json and model.safetensors (or its sharded index), F32, BF16 or F16.
 *
 * @throws KlatchError `data` when a file is missing or damaged, `incompatible` when the architecture or a weight's
 *   type or shape is not what Klatch can train
 */
export async function loadBaseModel(folder: string): Promise<BaseModel> {
  const definition = await readModelConfig(folder);
  const stored = await openWeights(folder);
  const untied = await untiedDefinition(folder, definition, stored);
  if (untied === null) return makeBaseModel(definition, stored, folder);
  return { ...makeBaseModel(untied, stored, folder), untied: true };
}

/**
 * What the model is when its files hold a head other than the embedding that config.json ties it to: as transformers 5
 * has it, the two are not tied then. Null when they are, or the files hold one of them.
 */
async function untiedDefinition(
  folder: string,
  definition: ModelDefinition,
  stored: TensorSource,
): Promise<ModelDefinition | null> {
  if (definition.head === null || definition.head !== definition.embedding) return null;
  const untied = await readUntiedConfig(folder);
  const names = storedNames(untied, stored);
  const [head, embedding] = [untied.head, untied.embedding].map((name) => names.get(name ?? ""));
  if (head === undefined || embedding === undefined) return null;
  const [a, b] = [head, embedding].map((name) => stored.get(name)?.data);
  return a?.length === b?.length && a?.every((x, i) => x === b?.[i]) ? null : untied;
}

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { readModelConfig } from "../models/architectures.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { readWeights } from "./weights.ts";

/** A weight as 32-bit floats, row-major. */
export interface BaseTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A frozen base model in memory. */
export interface BaseModel {
  readonly definition: ModelDefinition;
  /**
   * A weight by its Hugging Face name, e.g. `model.layers.0.self_attn.q_proj.weight` with shape [out, in], or
   * by an alias: for a tied model the embedding and the head are the same tensor. An unknown name is a bug and asserts.
   */
  tensor(name: string): BaseTensor;
  /** Frees weights that are kept in another form; asking for one afterwards is a bug. */
  release(names: Iterable<string>): void;
  readonly digest: Digest;
  /** Number of parameters; a tied matrix counts once. */
  readonly parameters: number;
}

/** A hash takes less than 2 GiB at once. */
const HASH_BYTES_MAX = 1 << 30;

/** Files may store a weight under its alias (a tied head for the embedding); it is kept under its own name. */
function underOwnNames(
  stored: ReadonlyMap<string, BaseTensor>,
  aliases: ModelDefinition["aliases"],
): Map<string, BaseTensor> {
  const tensors = new Map(stored);
  for (const [alias, name] of aliases) {
    const tensor = tensors.get(alias);
    if (tensor !== undefined && !tensors.has(name)) tensors.set(name, tensor);
    tensors.delete(alias);
  }
  return tensors;
}

function checkTensors(
  tensors: ReadonlyMap<string, BaseTensor>,
  shapes: ReadonlyMap<string, readonly number[]>,
  folder: string,
): void {
  const hint = "config.json and the weights must belong to the same model";
  for (const [name, expected] of shapes) {
    const tensor = tensors.get(name);
    if (!tensor) {
      throw new KlatchError("incompatible", `${folder}: tensor ${name} is missing`, hint);
    }
    if (tensor.shape.length !== expected.length || tensor.shape.some((n, i) => n !== expected[i])) {
      throw new KlatchError(
        "incompatible",
        `${folder}: tensor ${name} has the shape [${tensor.shape}], config.json asks for [${expected}]`,
        hint,
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
}

/** NaN and infinities spread through a sum: x - x is 0 only for finite x. */
function allFinite(data: Float32Array): boolean {
  let spread = 0;
  // By index: an iterator takes ten times as long, and a model has every one of its weights looked at.
  for (let i = 0; i < data.length; i += 1) spread += (data[i] ?? 0) - (data[i] ?? 0);
  return spread === 0;
}

/**
 * Identity of a model: SHA-256 over the configuration as JSON and, in name order, every weight's name, shape and
 * 32-bit values. Copies in BF16 and F32 of the same values are the same model, whatever the files look like.
 */
function digestOf(definition: ModelDefinition, tensors: ReadonlyMap<string, BaseTensor>): Digest {
  const hash = createHash("sha256");
  const { architecture, settings } = definition;
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  hash.update(JSON.stringify([architecture, sorted]));
  for (const name of [...tensors.keys()].sort()) {
    const tensor = tensors.get(name);
    assert(tensor);
    hash.update(`\n${name}[${tensor.shape}]\n`);
    const { buffer, byteOffset, byteLength } = tensor.data;
    for (let at = 0; at < byteLength; at += HASH_BYTES_MAX) {
      const length = Math.min(HASH_BYTES_MAX, byteLength - at);
      hash.update(new Uint8Array(buffer, byteOffset + at, length));
    }
  }
  return hash.digest("hex");
}

/** Puts a base model together from weights in memory, checking names, shapes and finiteness as a reader does. */
export function makeBaseModel(
  definition: ModelDefinition,
  stored: ReadonlyMap<string, BaseTensor>,
  source: string,
): BaseModel {
  const tensors = underOwnNames(stored, definition.aliases);
  checkTensors(tensors, definition.weights, source);
  let parameters = 0;
  for (const { data } of tensors.values()) parameters += data.length;
  return {
    definition,
    parameters,
    digest: digestOf(definition, tensors),
    tensor(name) {
      const tensor = tensors.get(definition.aliases.get(name) ?? name);
      assert(tensor, `no tensor ${name}`);
      return tensor;
    },
    release(names) {
      for (const name of names) tensors.delete(name);
    },
  };
}

/**
 * Reads a Hugging Face model folder: config.json and model.safetensors (or its sharded index), F32, BF16 or F16.
 *
 * @throws KlatchError `data` when a file is missing or damaged, `incompatible` when the architecture or a weight's
 *   type or shape is not what Klatch can train
 */
export async function loadBaseModel(folder: string): Promise<BaseModel> {
  const definition = await readModelConfig(folder);
  const names = new Set([...definition.weights.keys(), ...definition.aliases.keys()]);
  const stored = await readWeights(folder, (name) => names.has(name));
  return makeBaseModel(definition, stored, folder);
}

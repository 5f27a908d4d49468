import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { llamaTensorShapes, readLlamaConfig } from "./llama-config.ts";
import { readWeights } from "./weights.ts";

/** What a Llama-type decoder is made of; parsed from a Hugging Face config.json. */
export interface LlamaConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  /** The output head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
  /** Longest sequence the model was made for, in tokens. */
  readonly contextMax: number;
  readonly bosId: number;
  /** Every id that ends a text; the first is the one that training appends. */
  readonly eosIds: readonly number[];
}

/** A weight as 32-bit floats, row-major. */
export interface BaseTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A frozen base model in memory. */
export interface BaseModel {
  readonly config: LlamaConfig;
  /**
   * A weight by its Hugging Face name, e.g. `model.layers.0.self_attn.q_proj.weight` with shape [out, in]. For a tied
   * model `model.embed_tokens.weight` and `lm_head.weight` are the same tensor. An unknown name is a bug and asserts.
   */
  tensor(name: string): BaseTensor;
  readonly digest: Digest;
  /** Number of parameters; a tied matrix counts once. */
  readonly parameters: number;
}

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

/** A tied matrix may be stored under either name; it is kept under the embedding's. */
function untangleTied(stored: ReadonlyMap<string, BaseTensor>): ReadonlyMap<string, BaseTensor> {
  const tensors = new Map(stored);
  const head = tensors.get(HEAD);
  if (head && !tensors.has(EMBEDDING)) tensors.set(EMBEDDING, head);
  tensors.delete(HEAD);
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
    // NaN and infinities spread through a sum: x - x is 0 only for finite x.
    let spread = 0;
    for (const x of tensor.data) spread += x - x;
    if (spread !== 0) {
      throw new KlatchError(
        "data",
        `${folder}: tensor ${name} holds NaN or infinity`,
        "the weights are damaged or were saved from a diverged training; use another copy",
      );
    }
  }
}

/**
 * Identity of a model: SHA-256 over the configuration as JSON and, in name order, every weight's name, shape and
 * 32-bit values. Copies in BF16 and F32 of the same values are the same model, whatever the files look like.
 */
function digestOf(config: LlamaConfig, tensors: ReadonlyMap<string, BaseTensor>): Digest {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))));
  for (const name of [...tensors.keys()].sort()) {
    const tensor = tensors.get(name);
    assert(tensor);
    hash.update(`\n${name}[${tensor.shape}]\n`);
    hash.update(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
  }
  return hash.digest("hex");
}

/** Puts a base model together from weights in memory, checking names, shapes and finiteness as a reader does. */
export function makeBaseModel(
  config: LlamaConfig,
  stored: ReadonlyMap<string, BaseTensor>,
  source: string,
): BaseModel {
  const tensors = config.tiedEmbeddings ? untangleTied(stored) : stored;
  checkTensors(tensors, llamaTensorShapes(config), source);
  let parameters = 0;
  for (const { data } of tensors.values()) parameters += data.length;
  return {
    config,
    parameters,
    digest: digestOf(config, tensors),
    tensor(name) {
      const tensor = tensors.get(config.tiedEmbeddings && name === HEAD ? EMBEDDING : name);
      assert(tensor, `no tensor ${name}`);
      return tensor;
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
  const config = await readLlamaConfig(folder);
  const names = new Set([...llamaTensorShapes(config).keys(), HEAD]);
  const stored = await readWeights(folder, (name) => names.has(name));
  return makeBaseModel(config, stored, folder);
}

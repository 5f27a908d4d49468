import assert from "node:assert/strict";
import { seededRandom } from "../random.ts";
import { bucket } from "./batches.ts";
import type { Arrays } from "./engine/engine.ts";
import type { LlamaConfig } from "./files/base-model.ts";
import { gatherRows } from "./graph/indexing.ts";
import { linear } from "./graph/matmul.ts";
import type { Value } from "./graph/value.ts";
import type { LoraModel } from "./lora-model.ts";
import { cachedAttention, cacheNames } from "./models/cached-attention.ts";
import { causalAttention, rotationTables } from "./models/causal-attention.ts";
import { headName, llamaHidden } from "./models/llama.ts";

export interface SamplingOptions {
  readonly maxTokens: number;
  /** 0 takes the most likely token. */
  readonly temperature: number;
  readonly seed: number;
}

/** Keys and values of every layer for the positions seen so far, [keyValueHeads, capacity, headDim] each. */
interface Cache {
  readonly capacity: number;
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

/**
 * Continues `prompt` (ids) until an end-of-text id, `maxTokens`, or the end of the model's context.
 *
 * @returns the new ids without the end-of-text id; the same for the same seed
 */
export async function generate(
  model: LoraModel,
  adapter: Float32Array,
  prompt: readonly number[],
  options: SamplingOptions,
): Promise<readonly number[]> {
  const { config } = model.base;
  // A prompt beyond the context loses its beginning, so that there is room for one token at least.
  const context = prompt.slice(-(config.contextMax - 1));
  const total = Math.min(context.length + options.maxTokens, config.contextMax);
  const capacity = Math.min(bucket(total), config.contextMax);
  const cache = emptyCache(config, capacity);
  const random = seededRandom(options.seed);
  const made: number[] = [];
  let logits = await prefill(model, adapter, context, cache);
  for (let position = context.length; position <= total; position += 1) {
    const next = choose(logits, options.temperature, random);
    if (made.length >= options.maxTokens || config.eosIds.includes(next)) break;
    made.push(next);
    if (position >= total) break;
    logits = await decode(model, adapter, { id: next, position }, cache);
  }
  return made;
}

function emptyCache(config: LlamaConfig, capacity: number): Cache {
  const arrays: Record<string, Float32Array> = {};
  const size = config.keyValueHeads * capacity * config.headDim;
  for (let layer = 0; layer < config.layers; layer += 1) {
    const names = cacheNames(layer);
    arrays[names.keys] = new Float32Array(size);
    arrays[names.values] = new Float32Array(size);
  }
  return { capacity, arrays };
}

/** Runs the whole prompt, fills the cache and gives the logits after its last token. */
async function prefill(
  model: LoraModel,
  adapter: Float32Array,
  prompt: readonly number[],
  cache: Cache,
): Promise<Float32Array> {
  const { config } = model.base;
  const length = Math.min(bucket(prompt.length), config.contextMax);
  const program = await model.program(`prefill ${length}`, (graph, parameters) => {
    const outputs: Record<string, Value> = {};
    const attend = causalAttention(config, 1, length, (layer, key, value) => {
      const names = cacheNames(layer);
      outputs[names.newKey] = key;
      outputs[names.newValue] = value;
    });
    const ids = graph.input("ids", [1, length], "i64");
    const hidden = llamaHidden(config, parameters, ids, attend);
    const last = gatherRows(hidden, graph.input("last", [1], "i64"));
    return { ...outputs, logits: linear(last, parameters.weight(headName(config))) };
  });
  const ids = new BigInt64Array(length);
  for (const [i, id] of prompt.entries()) ids[i] = BigInt(id);
  const last = BigInt64Array.of(BigInt(prompt.length - 1));
  const results = await program.run(model.feeds(adapter, { ids, last }));
  store(config, cache, results, { from: length, position: 0, count: prompt.length });
  return logitsOf(results);
}

/** Runs one token at `position`, adds it to the cache and gives the logits after it. */
async function decode(
  model: LoraModel,
  adapter: Float32Array,
  token: { readonly id: number; readonly position: number },
  cache: Cache,
): Promise<Float32Array> {
  const { config } = model.base;
  const program = await model.program(`decode ${cache.capacity}`, (graph, parameters) => {
    const outputs: Record<string, Value> = {};
    const attend = cachedAttention(graph, config, cache.capacity, (layer, key, value) => {
      const names = cacheNames(layer);
      outputs[names.newKey] = key;
      outputs[names.newValue] = value;
    });
    const hidden = llamaHidden(config, parameters, graph.input("id", [1], "i64"), attend);
    return { ...outputs, logits: linear(hidden, parameters.weight(headName(config))) };
  });
  const plain = rotationTables(config, [token.position], 1);
  const query = rotationTables(config, [token.position], 1 / Math.sqrt(config.headDim));
  const mask = new Float32Array(cache.capacity + 1).fill(-1e9, token.position, cache.capacity);
  const results = await program.run(
    model.feeds(adapter, {
      ...cache.arrays,
      id: BigInt64Array.of(BigInt(token.id)),
      mask,
      cosine: Float32Array.from(plain.cosine),
      sine: Float32Array.from(plain.sine),
      "query cosine": Float32Array.from(query.cosine),
      "query sine": Float32Array.from(query.sine),
    }),
  );
  store(config, cache, results, { from: 1, position: token.position, count: 1 });
  return logitsOf(results);
}

/** Copies new rows [keyValueHeads, from, headDim] of every layer to `position` in the cache. */
function store(
  config: LlamaConfig,
  cache: Cache,
  results: Readonly<Record<string, unknown>>,
  rows: { readonly from: number; readonly position: number; readonly count: number },
): void {
  const { headDim, keyValueHeads, layers } = config;
  for (let layer = 0; layer < layers; layer += 1) {
    const names = cacheNames(layer);
    for (const [kept, made] of [
      [names.keys, names.newKey],
      [names.values, names.newValue],
    ] as const) {
      const fresh = floatArray(results[made]);
      for (let head = 0; head < keyValueHeads; head += 1) {
        const start = head * rows.from * headDim;
        const part = fresh.subarray(start, start + rows.count * headDim);
        cache.arrays[kept]?.set(part, (head * cache.capacity + rows.position) * headDim);
      }
    }
  }
}

/** The next id: the first of the greatest logits, or drawn from softmax(logits / temperature). */
export function choose(logits: Float32Array, temperature: number, random: () => number): number {
  let best = 0;
  for (let i = 1; i < logits.length; i += 1) {
    if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  }
  if (temperature === 0) return best;
  const top = logits[best] ?? 0;
  const likelihoods = Float64Array.from(logits, (x) => Math.exp((x - top) / temperature));
  let rest = random() * likelihoods.reduce((a, b) => a + b, 0);
  for (const [i, likelihood] of likelihoods.entries()) {
    rest -= likelihood;
    if (rest <= 0) return i;
  }
  return best;
}

function floatArray(value: unknown): Float32Array {
  assert.ok(value instanceof Float32Array);
  return value;
}

function logitsOf({ logits }: Arrays): Float32Array {
  return floatArray(logits);
}

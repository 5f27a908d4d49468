import assert from "node:assert/strict";
import { KlatchError } from "../../errors.ts";
import { seededRandom } from "../../random.ts";
import { bucket } from "../batches/batch.ts";
import { isOutOfMemory } from "../engine/out-of-memory.ts";
import { gatherRows } from "../graph/indexing.ts";
import type { Arrays, Value } from "../graph/value.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { cachedSequence, cacheNames, maskName } from "../models/sequences/cached-sequence.ts";
import { type Observe, wholeSequences } from "../models/sequences/whole-sequences.ts";
import type { AdaptedModel } from "./adapted-model.ts";
import { outputLogits } from "./loss-program.ts";
import type { ProgramParts } from "./program-parts.ts";

export interface SamplingOptions {
  readonly maxTokens: number;
  /** 0 takes the most likely token. */
  readonly temperature: number;
  readonly seed: number;
  /** Ids that end a text besides the model's own. */
  readonly endIds?: readonly number[];
}

/** Keys and values of every layer for the positions seen so far, [keyValueHeads, capacity, headDim] each. */
interface Cache {
  readonly capacity: number;
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

/**
 * Continues `prompt` (ids, at least one) until an end-of-text id, `maxTokens`, or the end of the model's context.
 *
 * @returns the new ids without the end-of-text id; the same for the same seed
 * @throws KlatchError `memory` when there is too little of it for a text of this length
 */
export async function generate(
  model: AdaptedModel,
  adapter: Float32Array,
  prompt: readonly number[],
  options: SamplingOptions,
): Promise<readonly number[]> {
  try {
    return await continuation(model, adapter, prompt, options);
  } catch (cause) {
    if (!isOutOfMemory(cause)) throw cause;
    throw new KlatchError(
      "memory",
      `there is too little memory to go on with a text of ${prompt.length} tokens: ${cause.message}`,
      "shorten the prompt, ask for fewer tokens, close other programs, or choose --dtype int8",
      { cause },
    );
  }
}

async function continuation(
  model: AdaptedModel,
  adapter: Float32Array,
  prompt: readonly number[],
  options: SamplingOptions,
): Promise<readonly number[]> {
  const { definition } = model.base;
  const { virtualTokens: before = 0 } = model.adapter;
  const { maxTokens, endIds = [] } = options;
  assert.ok(prompt.length > 0, "something to go on from");
  // A prompt beyond the context loses its beginning, so that there is room for one token at least.
  const context = prompt.slice(-(definition.contextMax - before - 1));
  const filled = before + context.length;
  const total = Math.min(filled + maxTokens, definition.contextMax);
  const capacity = Math.min(bucket(total), definition.contextMax);
  const cache = emptyCache(definition, capacity);
  const random = seededRandom(options.seed);
  const ends = new Set([...definition.eosIds, ...endIds]);
  const made: number[] = [];
  let logits = await prefill(model, adapter, context, cache);
  for (let position = filled; made.length < maxTokens; position += 1) {
    const next = choose(logits, options.temperature, random);
    if (ends.has(next)) break;
    made.push(next);
    if (made.length === maxTokens || position === total) break;
    logits = await decode(model, adapter, { id: next, position }, cache);
  }
  return made;
}

function emptyCache(definition: ModelDefinition, capacity: number): Cache {
  const arrays: Record<string, Float32Array> = {};
  const size = definition.keyValueHeads * capacity * definition.headDim;
  for (let layer = 0; layer < definition.layers; layer += 1) {
    const names = cacheNames(layer);
    arrays[names.keys] = new Float32Array(size);
    arrays[names.values] = new Float32Array(size);
  }
  return { capacity, arrays };
}

/** Runs the whole prompt, fills the cache and gives the logits after its last token. */
async function prefill(
  model: AdaptedModel,
  adapter: Float32Array,
  prompt: readonly number[],
  cache: Cache,
): Promise<Float32Array> {
  const { definition } = model.base;
  const { virtualTokens: before = 0 } = model.adapter;
  const length = Math.min(bucket(prompt.length), definition.contextMax - before);
  const { capacity } = cache;
  const ids = new BigInt64Array(length);
  for (const [i, id] of prompt.entries()) ids[i] = BigInt(id);
  const last = BigInt64Array.of(BigInt(prompt.length - 1));
  const results = await model.run(
    `prefill ${length}/${capacity}`,
    ({ graph, blocks: over }) => {
      const outputs: Record<string, Value> = {};
      const sequences = wholeSequences(1, length, keepIn(outputs), () => capacity);
      const blocks = over(sequences);
      const hidden = blocks.hidden(graph.input("ids", [length], "i64"));
      const end = gatherRows(hidden, graph.input("last", [1], "i64"));
      return { ...outputs, logits: outputLogits(definition, blocks, end) };
    },
    model.feeds(adapter, { ids, last }),
  );
  store(definition, cache, results, {
    from: before + length,
    position: 0,
    count: before + prompt.length,
  });
  return logitsOf(results);
}

/** Makes every layer's new keys and values outputs. */
function keepIn(outputs: Record<string, Value>): Observe {
  return (layer, key, value) => {
    const names = cacheNames(layer);
    outputs[names.newKey] = key;
    outputs[names.newValue] = value;
  };
}

/** Runs one token at `position`, adds it to the cache and gives the logits after it. */
async function decode(
  model: AdaptedModel,
  adapter: Float32Array,
  token: { readonly id: number; readonly position: number },
  cache: Cache,
): Promise<Float32Array> {
  const { definition } = model.base;
  const build = ({ graph, blocks: over }: ProgramParts) => {
    const outputs: Record<string, Value> = {};
    const blocks = over(cachedSequence(graph, cache.capacity, keepIn(outputs)));
    const hidden = blocks.hidden(graph.input("id", [1], "i64"));
    return { ...outputs, logits: outputLogits(definition, blocks, hidden) };
  };
  const feeds = model.feeds(adapter, {
    ...cache.arrays,
    ...masks(definition, cache.capacity, token.position),
    id: BigInt64Array.of(BigInt(token.id)),
    position: BigInt64Array.of(BigInt(token.position)),
  });
  const results = await model.run(`decode ${cache.capacity}`, build, feeds);
  store(definition, cache, results, { from: 1, position: token.position, count: 1 });
  return logitsOf(results);
}

/** What the new row at `position` sees: the cached rows before it, as far back as each window goes, and itself. */
function masks(definition: ModelDefinition, capacity: number, position: number): Arrays {
  return Object.fromEntries(
    [undefined, ...definition.windows].map((window) => {
      const mask = new Float32Array(capacity + 1).fill(-1e9, position, capacity);
      if (window !== undefined) mask.fill(-1e9, 0, Math.max(0, position - window + 1));
      return [maskName(window), mask];
    }),
  );
}

/** Copies new rows [keyValueHeads, from, headDim] of every layer to `position` in the cache. */
function store(
  definition: ModelDefinition,
  cache: Cache,
  results: Readonly<Record<string, unknown>>,
  rows: { readonly from: number; readonly position: number; readonly count: number },
): void {
  const { headDim, keyValueHeads, layers } = definition;
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
  for (let i = 0; i < likelihoods.length; i += 1) {
    rest -= likelihoods[i] ?? 0;
    // Below zero, not at it: a draw of zero must not take an id that cannot be.
    if (rest < 0) return i;
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

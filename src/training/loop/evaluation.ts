import type { KlatchError } from "../../errors.ts";
import type { Evaluation } from "../../types.ts";
import { type Batch, type BatchShape, bucket } from "../batches/batch.ts";
import { collate } from "../batches/collate.ts";
import { type AnyExample, positionsTaken } from "../data/examples/example.ts";
import { isOutOfMemory } from "../engine/out-of-memory.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import { ClassCounts } from "./class-counts.ts";

/** Positions of one evaluation batch: enough to keep matrix products busy, few enough to stay in cache. */
const BATCH_POSITIONS = 512;

/**
 * How many positions one run of an evaluation takes. When the device runs out of memory, half as many, now and from
 * then on: the same losses, added in another order.
 */
export class EvaluationSize {
  readonly #onLowered: (positions: number, cause: KlatchError) => void;
  #positions = BATCH_POSITIONS;

  /** `onLowered` is told once, at the first time, how many positions a run takes and why. */
  constructor(onLowered: (positions: number, cause: KlatchError) => void = () => {}) {
    this.#onLowered = onLowered;
  }

  get positions(): number {
    return this.#positions;
  }

  /**
   * What `run` makes of a batch; null when that takes a smaller one.
   *
   * @throws KlatchError `memory` when one row does not fit
   */
  async attempt<T>({ batch, length }: BatchShape, run: () => Promise<T>): Promise<T | null> {
    try {
      return await run();
    } catch (cause) {
      if (!isOutOfMemory(cause) || batch === 1) throw cause;
      const first = this.#positions === BATCH_POSITIONS;
      this.#positions = Math.floor(batch / 2) * length;
      if (first) this.#onLowered(this.#positions, cause);
      return null;
    }
  }
}

/** The examples from `start` on that go into one batch of at most so many positions, of one padded shape. */
function batchFrom(
  sorted: readonly AnyExample[],
  start: number,
  sequenceMax: number,
  positionsMax: number,
): { readonly taken: readonly AnyExample[]; readonly batch: Batch } {
  const first = sorted[start];
  const length = Math.min(bucket(first ? positionsTaken(first) : 1), sequenceMax);
  const most = Math.max(1, Math.floor(positionsMax / length));
  const cut = sorted.slice(start, start + most);
  const shorter = cut.findIndex((e) => bucket(positionsTaken(e)) < bucket(length));
  // A bucket's last few examples join the next, shorter ones: they only get more padding.
  const taken = shorter >= most / 2 ? cut.slice(0, shorter) : cut;
  return { taken, batch: collate(taken, Math.min(most, bucket(taken.length)), sequenceMax) };
}

/** Examples and what came out for them. */
export interface BatchResults {
  readonly taken: readonly AnyExample[];
  readonly batch: Batch;
  readonly results: Awaited<ReturnType<AdaptedModel["rowResults"]>>;
}

/** Goes through examples in batches of like lengths, the longest first. */
export async function* inBatches(
  model: AdaptedModel,
  adapter: Float32Array,
  examples: readonly AnyExample[],
  sequenceMax: number,
  size: EvaluationSize,
): AsyncGenerator<BatchResults, void> {
  const sorted = [...examples].sort((a, b) => positionsTaken(b) - positionsTaken(a));
  for (let start = 0; start < sorted.length; ) {
    const { taken, batch } = batchFrom(sorted, start, sequenceMax, size.positions);
    const results = await size.attempt(batch.shape, () => model.rowResults(adapter, batch));
    if (results === null) continue;
    start += taken.length;
    yield { taken, batch, results };
  }
}

/**
 * Teacher-forced quality of an adapter on examples: loss per completion token, perplexity, exact match. `size`
 * remembers from one evaluation to the next how much fits.
 *
 * @throws KlatchError `memory` when one example does not fit
 */
export async function evaluate(
  model: AdaptedModel,
  adapter: Float32Array,
  examples: readonly AnyExample[],
  sequenceMax: number,
  size = new EvaluationSize(),
): Promise<Evaluation> {
  let total = 0;
  let tokens = 0;
  let exact = 0;
  const confusion = new ClassCounts();
  for await (const each of inBatches(model, adapter, examples, sequenceMax, size)) {
    const { taken, batch, results } = each;
    const { losses, correct, logits } = results;
    if (logits !== undefined) confusion.add(logits, batch);
    const missed = new Set<number>();
    for (const [i, owner] of batch.owners.entries()) {
      total += losses[i] ?? 0;
      if (correct[i] !== 1) missed.add(owner);
    }
    tokens += batch.tokens;
    exact += taken.length - missed.size;
  }
  const loss = tokens === 0 ? 0 : total / tokens;
  return {
    loss,
    perplexity: Math.exp(loss),
    exactMatch: examples.length === 0 ? 0 : exact / examples.length,
    ...(confusion.empty ? {} : { macroF1: confusion.macroF1() }),
    tokens,
    examples: examples.length,
  };
}

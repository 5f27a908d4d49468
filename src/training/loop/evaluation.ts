import { seededRandom, shuffled } from "../../random.ts";
import type { Evaluation } from "../../types.ts";
import { bucket } from "../batches/batch.ts";
import { collate } from "../batches/collate.ts";
import { type AnyExample, positionsTaken } from "../data/examples/example.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import { ClassCounts } from "./class-counts.ts";

/** Loss on one private batch at a state and after a small step towards each candidate. */
export interface Probe {
  readonly base: number;
  readonly stepped: readonly number[];
}

/** Positions of one evaluation batch: enough to keep matrix products busy, few enough to stay in cache. */
const BATCH_POSITIONS = 512;

/** Examples sorted by length and cut into batches of one padded shape each. */
function batchesByLength(
  examples: readonly AnyExample[],
  sequenceMax: number,
): readonly { readonly examples: readonly AnyExample[]; readonly rows: number }[] {
  const sorted = [...examples].sort((a, b) => b.ids.length - a.ids.length);
  const batches = [];
  for (let start = 0; start < sorted.length; ) {
    const first = sorted[start];
    const length = Math.min(bucket(first ? positionsTaken(first) : 1), sequenceMax);
    const most = Math.max(1, Math.floor(BATCH_POSITIONS / length));
    const cut = sorted.slice(start, start + most);
    const shorter = cut.findIndex((e) => bucket(positionsTaken(e)) < bucket(length));
    // A bucket's last few examples join the next, shorter ones: they only get more padding.
    const taken = shorter >= most / 2 ? cut.slice(0, shorter) : cut;
    batches.push({ examples: taken, rows: Math.min(most, bucket(taken.length)) });
    start += taken.length;
  }
  return batches;
}

/** Teacher-forced quality of an adapter on examples: loss per completion token, perplexity, exact match. */
export async function evaluate(
  model: AdaptedModel,
  adapter: Float32Array,
  examples: readonly AnyExample[],
  sequenceMax: number,
): Promise<Evaluation> {
  let total = 0;
  let tokens = 0;
  let exact = 0;
  const confusion = new ClassCounts();
  for (const part of batchesByLength(examples, sequenceMax)) {
    const batch = collate(part.examples, part.rows, sequenceMax);
    const { losses, correct, logits } = await model.rowResults(adapter, batch);
    if (logits !== undefined) confusion.add(logits, batch);
    const missed = new Set<number>();
    for (const [i, owner] of batch.owners.entries()) {
      total += losses[i] ?? 0;
      if (correct[i] !== 1) missed.add(owner);
    }
    tokens += batch.tokens;
    exact += part.examples.length - missed.size;
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

/** See `Learner.probe`: all states are measured on the same rows, drawn from (seed, round). */
export async function probe(
  model: AdaptedModel,
  heldOut: readonly AnyExample[],
  seed: number,
  request: {
    readonly adapter: Float32Array;
    readonly candidates: readonly Float32Array[];
    readonly round: number;
    readonly rows: number;
    readonly step: number;
    readonly sequenceMax: number;
  },
): Promise<Probe> {
  const { adapter, candidates, round, rows, step, sequenceMax } = request;
  const random = seededRandom(
    (Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0xc2b2ae35)) >>> 0,
  );
  const drawn = shuffled(heldOut, random).slice(0, rows);
  const lossAt = async (state: Float32Array) =>
    (await evaluate(model, state, drawn, sequenceMax)).loss;
  const base = await lossAt(adapter);
  const stepped: number[] = [];
  for (const candidate of candidates) {
    const moved = adapter.map((x, i) => x + step * ((candidate[i] ?? 0) - x));
    stepped.push(await lossAt(moved));
  }
  return { base, stepped };
}

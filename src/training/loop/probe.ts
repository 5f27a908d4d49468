import { seededRandom, shuffled } from "../../random.ts";
import type { Batch } from "../batches/batch.ts";
import { collateParts } from "../batches/collate.ts";
import type { AnyExample } from "../data/examples/example.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import type { MicroBatch } from "./micro-batch.ts";
import type { TrainOptions } from "./train-step.ts";

/** Loss on one private batch at a state and after a small step towards each candidate. */
export interface Probe {
  readonly base: number;
  readonly stepped: readonly number[];
}

/** Loss on one private batch at a state, nats per token, and its gradient there, as the adapter lies. */
export interface Slope {
  readonly base: number;
  readonly gradient: Float32Array;
}

/** A state, and which private rows are taken: those of a round, so many at most. */
export interface ProbedAt {
  readonly adapter: Float32Array;
  readonly round: number;
  readonly rows: number;
}

/** How rows are drawn and read. */
export type Reading = Pick<TrainOptions, "seed" | "sequenceMax" | "threads" | "packed">;

/** See `Learner.probe`: all states are measured on the same rows, drawn from (seed, round). */
export async function probe(
  model: AdaptedModel,
  heldOut: readonly AnyExample[],
  reading: Reading,
  request: ProbedAt & { readonly candidates: readonly Float32Array[]; readonly step: number },
  microBatch: MicroBatch,
): Promise<Probe> {
  const { adapter, candidates, step } = request;
  return microBatch.fit(partsOf(heldOut, reading, request), async (parts) => {
    const totals = [0, ...candidates.map(() => 0)];
    // Part by part: states share the program of a part's shape, of which few are kept.
    for (const part of parts) {
      for (const [i, total] of totals.entries()) {
        const candidate = candidates[i - 1];
        const state = candidate === undefined ? adapter : towards(adapter, candidate, step);
        totals[i] = total + (await lossOf(model, state, part));
      }
    }
    const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
    const [base = 0, ...stepped] = totals.map((total) => (tokens === 0 ? 0 : total / tokens));
    return { base, stepped };
  });
}

/** See `Learner.slope`: one forward and one backward pass over the rows that `probe` takes. */
export async function slope(
  model: AdaptedModel,
  heldOut: readonly AnyExample[],
  reading: Reading,
  request: ProbedAt,
  microBatch: MicroBatch,
): Promise<Slope> {
  const { adapter } = request;
  const gradient = new Float32Array(adapter.length);
  const { tensors } = model.adapter.layout;
  const base = await microBatch.fit(partsOf(heldOut, reading, request), (parts, recompute) =>
    model.lossAndGradient(adapter, parts, tensors, gradient, recompute),
  );
  return { base, gradient };
}

// --- internal ---

function towards(from: Float32Array, to: Float32Array, share: number): Float32Array {
  // A loop: `map` of a typed array takes five times as long.
  const result = new Float32Array(from.length);
  for (let i = 0; i < from.length; i++) {
    const at = from[i] as number;
    result[i] = at + share * ((to[i] as number) - at);
  }
  return result;
}

/** Losses of the tokens of a part, in nats, added up. */
async function lossOf(model: AdaptedModel, state: Float32Array, part: Batch): Promise<number> {
  const { losses } = await model.rowResults(state, part);
  return losses.reduce((sum, loss) => sum + loss, 0);
}

function partsOf(
  heldOut: readonly AnyExample[],
  { seed, sequenceMax, threads, packed = false }: Reading,
  { round, rows }: ProbedAt,
): (rowsMax: number) => readonly Batch[] {
  const random = seededRandom(
    (Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0xc2b2ae35)) >>> 0,
  );
  const drawn = shuffled(heldOut, random).slice(0, rows);
  return (rowsMax) => collateParts(drawn, sequenceMax, { threads, packed, rowsMax });
}

import { createLearner, type Learner, type LearnerOptions } from "../src/training/index.ts";
import type { Evaluation } from "../src/types.ts";
import type { TestnetOptions } from "./options.ts";
import type { RunData } from "./run-data.ts";

/** Learners that train at the same time; each has its own threads. */
const PARALLEL = 2;

/** What the network is compared with, all on the common test set. */
export interface Baselines {
  readonly base: Evaluation;
  /** One evaluation per honest peer that trained alone; null when not asked for. */
  readonly localOnly: readonly Evaluation[] | null;
  /** One model trained on the data of all honest peers; null when not asked for. */
  readonly centralised: Evaluation | null;
}

/** Gives the options of a learner as the testnet's peers have them; without data it can only evaluate and generate. */
export function learnerOptionsOf(
  options: TestnetOptions,
  data: { readonly train?: string; readonly test: string },
): LearnerOptions {
  const { columns, model, threads, rank, alpha, factors, seed, batchSize, sequenceMax } = options;
  return {
    model,
    engine: "onnx",
    threads,
    adapter: { rank, alpha, targets: targetsOf(options.targets), seed },
    factors,
    optimizer: {
      learningRate: options.learningRate,
      weightDecay: 0,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      clipNorm: 1,
      warmupSteps: 0,
    },
    batchSize,
    sequenceMax,
    seed,
    ...(data.train === undefined
      ? {}
      : { data: { train: [data.train], columns, heldOutShare: HELD_OUT_SHARE } }),
    test: { files: [data.test], columns },
  };
}

/**
 * Evaluates the base model and, where asked for, trains what the network must beat: each honest peer alone on its own
 * data, and one learner on all their data, with the same number of steps as a peer of the network.
 */
export async function runBaselines(
  options: TestnetOptions,
  data: RunData,
  signal: AbortSignal,
  note: (text: string) => void,
): Promise<Baselines> {
  const base = await withLearner(options, { test: data.testFile }, async (learner) =>
    learner.evaluate(await learner.initialAdapter(), "test"),
  );
  if (!options.baselines) return { base, localOnly: null, centralised: null };
  const honest = data.peers.filter((peer) => peer.role === "honest");
  const files = [...honest.map((peer) => peer.dataFile), data.pooledFile];
  const evaluations = await inParallel(files, async (train, index) => {
    const evaluation = await trainAlone(options, { train, test: data.testFile }, signal);
    const name = index < honest.length ? `peer ${index + 1} alone` : "one model on all data";
    note(`baseline ${name}: test loss ${evaluation.loss.toFixed(3)}`);
    return evaluation;
  });
  return { base, localOnly: evaluations.slice(0, -1), centralised: evaluations.at(-1) ?? null };
}

/** Runs work on a learner and closes it whatever happens. */
export async function withLearner<T>(
  options: TestnetOptions,
  data: { readonly train?: string; readonly test: string },
  work: (learner: Learner) => Promise<T>,
): Promise<T> {
  const learner = await createLearner(learnerOptionsOf(options, data));
  try {
    return await work(learner);
  } finally {
    await learner.close();
  }
}

// --- internal ---

/** The default of a node's configuration, which the peers of a testnet keep. */
const HELD_OUT_SHARE = 0.1;

function targetsOf(targets: string): readonly string[] {
  return targets === "all" ? ["q", "k", "v", "o", "gate", "up", "down"] : targets.split(",");
}

/** The rounds of a peer that never hears of others: the same batches in the same order, and no mixing. */
function trainAlone(
  options: TestnetOptions,
  data: { readonly train: string; readonly test: string },
  signal: AbortSignal,
): Promise<Evaluation> {
  return withLearner(options, data, async (learner) => {
    let adapter = await learner.initialAdapter();
    let optimizer = learner.initialOptimizer();
    for (let round = 0; round < options.rounds; round++) {
      signal.throwIfAborted();
      const { steps } = options;
      ({ adapter, optimizer } = await learner.train({ adapter, optimizer, round, steps }, signal));
    }
    return learner.evaluate(adapter, "test");
  });
}

/** Maps with at most `PARALLEL` at a time, in order of the results. */
async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return results;
}

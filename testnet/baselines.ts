import { configSchema } from "../src/node/config/config.ts";
import { hubOptions } from "../src/node/config/hub-options.ts";
import { learnerOptions } from "../src/node/config/learner-options.ts";
import { createLearner, type Learner } from "../src/training/index.ts";
import type { Evaluation } from "../src/types.ts";
import type { RunData } from "./data/run-data.ts";
import type { TestnetOptions } from "./options.ts";
import { trainingConfig } from "./processes/peer-config.ts";
import { cacheName } from "./working-folder.ts";

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

/**
 * Evaluates the base model. Where asked for, it also trains what the network must beat: each honest peer alone on its
 * own data, and one learner on all their data. Each takes the same number of steps as a peer of the network.
 */
export async function runBaselines(
  options: TestnetOptions,
  data: RunData,
  signal: AbortSignal,
  note: (text: string) => void,
): Promise<Baselines> {
  const base = await withLearner(
    options,
    { test: data.testFile, classes: data.classes },
    async (learner) => learner.evaluate(await learner.initialAdapter(), "test"),
  );
  if (!options.baselines) return { base, localOnly: null, centralised: null };
  const honest = data.peers.filter((peer) => peer.role === "honest");
  const files = [...honest.map((peer) => peer.dataFile), data.pooledFile];
  const evaluations = await inParallel(files, async (train, index) => {
    const { testFile: test, classes } = data;
    const evaluation = await withLearner(options, { train, test, classes }, (learner) =>
      trainAlone(options, learner, signal),
    );
    const name = index < honest.length ? `peer ${index + 1} alone` : "one model on all data";
    note(`baseline ${name}: test loss ${evaluation.loss.toFixed(3)}`);
    return evaluation;
  });
  return { base, localOnly: evaluations.slice(0, -1), centralised: evaluations.at(-1) ?? null };
}

/** The learner of a peer with these files; whoever opens it closes it. */
export function openLearner(options: TestnetOptions, data: Files): Promise<Learner> {
  const files = { ...data, train: data.train === undefined ? [] : [data.train] };
  const { data: training, ...rest } = learnerOptions(
    configSchema.parse(trainingConfig(options, files)),
  );
  // Without training files the learner only evaluates and generates.
  return createLearner(
    data.train === undefined || training === undefined ? rest : { ...rest, data: training },
    hubOptions(cacheName()),
  );
}

/** Runs work on a learner and closes it whatever happens. */
export async function withLearner<T>(
  options: TestnetOptions,
  data: Files,
  work: (learner: Learner) => Promise<T>,
): Promise<T> {
  const learner = await openLearner(options, data);
  try {
    return await work(learner);
  } finally {
    await learner.close();
  }
}

interface Files {
  readonly train?: string;
  /** That the learner trains, of the run's; all of it when absent. */
  readonly rank?: number | null;
  readonly test: string;
  readonly classes: readonly string[];
}

/** Runs work on a learner for each of these files, open at the same time, and closes them whatever happens. */
export function withLearners<T>(
  options: TestnetOptions,
  files: readonly Files[],
  use: (learners: readonly Learner[]) => Promise<T>,
  open: readonly Learner[] = [],
): Promise<T> {
  const [next, ...rest] = files;
  if (next === undefined) return use(open);
  return withLearner(options, next, (learner) =>
    withLearners(options, rest, use, [...open, learner]),
  );
}

/** The rounds of a peer that never hears of others: the same batches in the same order, and no mixing. */
export async function trainAlone(
  options: Pick<TestnetOptions, "rounds" | "steps">,
  learner: Learner,
  signal?: AbortSignal,
): Promise<Evaluation> {
  const { rounds, steps } = options;
  let adapter = await learner.initialAdapter();
  let optimizer = learner.initialOptimizer();
  for (let round = 0; round < rounds; round++) {
    signal?.throwIfAborted();
    ({ adapter, optimizer } = await learner.train({ adapter, optimizer, round, steps }, signal));
  }
  return learner.evaluate(adapter, "test");
}

// --- internal ---

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

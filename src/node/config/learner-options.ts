import { availableParallelism } from "node:os";
import {
  type AdapterSettings,
  adapterTargets,
  type LearnerOptions,
  learningRateOf,
  rankOf,
} from "../../training/index.ts";
import { tokenCache } from "../folders/cache-folder.ts";
import type { Config } from "./config.ts";

/** Cuts the learner's part out of a node's configuration; the step size falls over `totalSteps`. */
export function learnerOptions(
  config: Config,
  totalSteps = config.run.rounds * config.run.steps,
): LearnerOptions {
  const { run, data, engine, model } = config;
  const { train, columns, heldOutShare, packing } = data;
  return {
    model,
    engine: engine.name,
    onEngineLoss: engine.onLoss,
    threads: engine.threads === 0 ? availableParallelism() : engine.threads,
    adapter: { ...adapterSettings(run), seed: run.seed },
    task: run.task,
    ...(run.classes.length > 0 ? { classes: run.classes } : {}),
    dtype: engine.dtype,
    recompute: engine.recompute,
    ...(engine.microBatch === 0 ? {} : { microBatch: engine.microBatch }),
    factors: run.factors,
    ...(config.training.rank === null ? {} : { rank: config.training.rank }),
    optimizer: optimizerOptions(config, totalSteps),
    batchSize: run.batchSize,
    sequenceMax: run.sequenceMax,
    separator: run.separator,
    seed: run.seed,
    tokenCache: tokenCache(config.cache),
    ...(data.train.length > 0 ? { data: { train, columns, heldOutShare, packing } } : {}),
    ...(data.test.length > 0 ? { test: { files: data.test, columns: data.columns } } : {}),
  };
}

// --- internal ---

function optimizerOptions({ run }: Config, totalSteps: number): LearnerOptions["optimizer"] {
  const { schedule: shape, finalShare, ...plain } = run.optimizer;
  const learningRate = learningRateOf(run);
  return { ...plain, learningRate, schedule: { shape, totalSteps, finalShare } };
}

/** The settings of the chosen method; those of the others are passed over. */
function adapterSettings(run: Config["run"]): AdapterSettings {
  const { adapter: chosen } = run;
  const { kind, alpha } = chosen;
  const rank = rankOf(run);
  const targets = adapterTargets(chosen.targets);
  switch (kind) {
    case "lora":
    case "rslora":
    case "dora":
    case "lora-xs":
      return { kind, rank, alpha, targets };
    case "bitfit":
      return { kind };
    case "prompt":
    case "prefix":
      return { kind, virtualTokens: chosen.virtualTokens };
    case "ia3":
      // What "all" means is the method's own choice.
      return chosen.targets === "all" ? { kind } : { kind, targets };
    case "bottleneck": {
      const { bottleneckSize: size } = chosen;
      return chosen.targets === "all" ? { kind, size } : { kind, size, targets };
    }
  }
}

/**
 * The measurements as functions that load themselves when they are called: models and programs, which a running node has
 * in the learner's thread only.
 *
 * @packageDocumentation
 */
import type { tryEngines as TryEngines } from "./engine-trials.ts";
import type { benchEngines as BenchEngines } from "./engines.ts";
import type { benchGenerate as BenchGenerate } from "./generate.ts";
import type { benchTrain as BenchTrain } from "./train.ts";

export const benchEngines: typeof BenchEngines = async (...values) =>
  (await import("./engines.ts")).benchEngines(...values);

export const benchGenerate: typeof BenchGenerate = async (...values) =>
  (await import("./generate.ts")).benchGenerate(...values);

export const benchTrain: typeof BenchTrain = async (...values) =>
  (await import("./train.ts")).benchTrain(...values);

export const tryEngines: typeof TryEngines = async (...values) =>
  (await import("./engine-trials.ts")).tryEngines(...values);

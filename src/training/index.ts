/**
 * The learner: base model, adapter, data and engine behind one asynchronous interface. Knows no peers.
 *
 * @packageDocumentation
 */

export type { FactorSchedule } from "./adapters/adapter.ts";
export { adapterTargets } from "./adapters/config.ts";
export type { AdapterOptions, AdapterSettings } from "./adapters/options.ts";
export type { AdapterOrigin, AdapterStory } from "./adapters/peft/adapter-export.ts";
export {
  readAdapterClasses,
  readAdapterOrigin,
  readAdapterSeparator,
} from "./adapters/peft/peft-reader.ts";
export { readAdapterSettings } from "./adapters/peft/peft-settings.ts";
export { type ResolvedModel, resolveModel } from "./base/resolve-model.ts";
export { benchEngines, type EngineResult } from "./bench/engines.ts";
export { type BenchGenerateResult, benchGenerate } from "./bench/generate.ts";
export type { BenchModelOptions } from "./bench/model.ts";
export { isKnownShape, KNOWN_SHAPES } from "./bench/random-model.ts";
export { type BenchTrainOptions, type BenchTrainResult, benchTrain } from "./bench/train.ts";
export {
  COLUMN_NAMES,
  columnsOf,
  dataConfigSchema,
  engineConfigSchema,
  trainingTerms,
} from "./config.ts";
export type { DataSummary } from "./data/dataset/dataset.ts";
export type { ColumnMap } from "./data/examples/columns.ts";
export { type RowInput, readInputs } from "./data/examples/inputs.ts";
export { isDescription } from "./data/rows/folders.ts";
export type { Row as DataRow } from "./data/rows/row.ts";
export { readRows } from "./data/rows/rows.ts";
export { chooseSplit, describeChosen, splitOfTable, type Use } from "./data/rows/splits.ts";
export { switchTelemetryOff, TELEMETRY_SWITCH, telemetryLeftovers } from "./engine/telemetry.ts";
export type { FloatFormat } from "./files/float-formats.ts";
export { parseHubModel } from "./files/hub/model-id.ts";
export type { HubEvent, HubOptions, ModelOrigin } from "./files/hub/options.ts";
export { createLearner } from "./learner/client.ts";
export type * from "./learner/learner.ts";
export {
  type AloneEvent,
  type AloneOptions,
  type AloneResult,
  trainAlone,
} from "./learner/train-alone.ts";
export { learningRateOf } from "./loop/config.ts";
export type { Probe } from "./loop/evaluation.ts";
export type { TransformState } from "./loop/gradient-transform.ts";
export type { OptimizerOptions, OptimizerState } from "./loop/optimizer.ts";
export type { StepMetrics, TrainRequest, TrainResult } from "./loop/train-step.ts";
export type { MemoryPlan } from "./loop/training-memory.ts";

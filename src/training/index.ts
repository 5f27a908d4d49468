/**
 * The learner: base model, adapter, data and engine behind one asynchronous interface. Knows no peers.
 *
 * @packageDocumentation
 */

export type { FactorSchedule } from "./adapters/adapter.ts";
export { adapterTargets, rankOf } from "./adapters/config.ts";
export type { AdapterOptions, AdapterSettings } from "./adapters/options.ts";
export type { AdapterOrigin, AdapterStory } from "./adapters/peft/adapter-export.ts";
export type { ResolvedModel } from "./base/resolve-model.ts";
export type { TriedEngine } from "./bench/engine-trials.ts";
export type { EngineResult } from "./bench/engines.ts";
export type { BenchGenerateResult } from "./bench/generate.ts";
export type { BenchModelOptions } from "./bench/model.ts";
export { benchEngines, benchGenerate, benchTrain, tryEngines } from "./bench/on-demand.ts";
export { isKnownShape, KNOWN_SHAPES } from "./bench/shapes.ts";
export type { BenchTrainOptions, BenchTrainResult } from "./bench/train.ts";
export {
  COLUMN_NAMES,
  columnsOf,
  dataConfigSchema,
  engineConfigSchema,
  trainingConfigSchema,
  trainingTerms,
} from "./config.ts";
export type { DataSummary } from "./data/dataset/dataset.ts";
export type { ColumnMap } from "./data/examples/columns.ts";
export type { RowInput } from "./data/examples/inputs.ts";
export type { CutTokens } from "./data/examples/lost-tokens.ts";
export type { Row as DataRow } from "./data/rows/row.ts";
export {
  chooseSplit,
  describeChosen,
  isDescription,
  splitOfTable,
  type Use,
} from "./data/rows/splits.ts";
export { switchTelemetryOff, TELEMETRY_SWITCH, telemetryLeftovers } from "./engine/telemetry.ts";
export { digestOfFile } from "./files/file-digest.ts";
export type { FloatFormat } from "./files/float-formats.ts";
export { parseHubModel } from "./files/hub/model-id.ts";
export type { HubEvent, HubOptions, ModelOrigin } from "./files/hub/options.ts";
export { isModelFile } from "./files/model-files.ts";
export type { ModelFile } from "./files/model-listing.ts";
export { layoutIn } from "./layout/layout-texts.ts";
export { lengthAt, rankIn, rankSlices } from "./layout/rank.ts";
export { createLearner } from "./learner/client.ts";
export type * from "./learner/learner.ts";
export {
  listModelFiles,
  readAdapterClasses,
  readAdapterHead,
  readAdapterOrigin,
  readAdapterSeparator,
  readAdapterSettings,
  readFlatState,
  readInputs,
  readRows,
  resolveModel,
} from "./learner/on-demand.ts";
export {
  type AloneEvent,
  type AloneOptions,
  type AloneResult,
  type AloneState,
  trainAlone,
} from "./learner/train-alone.ts";
export { learningRateOf } from "./loop/config.ts";
export type { TransformState } from "./loop/gradient-transform.ts";
export type { OptimizerOptions, OptimizerState } from "./loop/optimizer.ts";
export type { Probe, Slope } from "./loop/probe.ts";
export type { BegunRound, StepMetrics, TrainRequest, TrainResult } from "./loop/train-step.ts";
export type { MemoryPlan } from "./loop/training-memory.ts";

import type {
  AdapterLayout,
  BaseDType,
  Digest,
  EngineChoice,
  Evaluation,
  RecomputeChoice,
  Task,
} from "../../types.ts";
import type { AdapterOptions } from "../adapters/options.ts";
import type { AdapterOrigin, AdapterStory } from "../adapters/peft/adapter-export.ts";
import type { DataSummary } from "../data/dataset/dataset.ts";
import type { ColumnMap } from "../data/examples/columns.ts";
import type { LabelKind } from "../data/examples/labels.ts";
import type { PassedOver } from "../engine/open-engine.ts";
import type { FloatFormat } from "../files/float-formats.ts";
import type { ModelOrigin } from "../files/hub/options.ts";
import type { OptimizerState } from "../loop/optimizer.ts";
import type { Probe, Slope } from "../loop/probe.ts";
import type { StepMetrics, TrainOptions, TrainRequest, TrainResult } from "../loop/train-step.ts";
import type { MemoryPlan } from "../loop/training-memory.ts";

export interface LearnerOptions extends Omit<TrainOptions, "packed"> {
  /** A Hugging Face model folder, or a model of the hub as `organisation/name` or `organisation/name@revision`. */
  readonly model: string;
  readonly engine: EngineChoice;
  /** When the engine's device fails in the middle of something: go on on the CPU, or stop with the error. */
  readonly onEngineLoss: "fallback" | "stop";
  readonly adapter: AdapterOptions;
  /** What the model learns; when absent "causal" (to go on with a text), or what a model is for that is only used. */
  readonly task?: Task;
  /** What a classifier tells apart, in the order of its outputs; those of the data when absent. */
  readonly classes?: readonly string[];
  /** How many classes a text or an image has; what the model's head or the data says when absent. */
  readonly labels?: LabelKind;
  /** How the frozen linear layers are kept in memory; f32 when absent. */
  readonly dtype?: BaseDType;
  /** `auto` when absent. */
  readonly recompute?: RecomputeChoice;
  /** The most rows of a batch that are computed at once, whatever the memory there is; absent leaves it to that. */
  readonly microBatch?: number;
  /** What stands between a prompt and its completion where neither has white space; " :" when absent. */
  readonly separator?: string;
  /** Data files and folders; absent when the learner only evaluates or generates. */
  readonly data?: {
    readonly train: readonly string[];
    readonly columns: ColumnMap;
    /** Share of the training rows that is held out for the private gate and never trained on. */
    readonly heldOutShare: number;
    /**
     * "none" gives each text a row of its own. "separate" lays the texts of a batch side by side without seeing one
     * another: the same training in fewer positions. "concatenate" makes of all texts one that is cut into full rows.
     */
    readonly packing?: "none" | "separate" | "concatenate";
  };
  readonly test?: { readonly files: readonly string[]; readonly columns: ColumnMap };
  /** Folder that keeps the tokens of the data files, so that they are not tokenised again; null or absent for none. */
  readonly tokenCache?: string | null;
}

export interface DataReport {
  readonly train: DataSummary;
  readonly heldOut: DataSummary;
  readonly test: DataSummary;
  /** Test examples that say the same as one of the training files. */
  readonly testSeenInTraining: number;
  /** Where longer rows are cut: at `sequenceMax`, or where the model's context ends; absent of images. */
  readonly limit?: { readonly tokens: number; readonly isContext: boolean } | undefined;
}

export interface LearnerInfo {
  readonly layout: AdapterLayout;
  /** Size of the numbers in the adapter's PEFT file, which some methods write in another form. */
  readonly exportBytes: number;
  /** SHA-256 over config.json and the weights as read. */
  readonly modelDigest: Digest;
  /** Where the model came from; null for a folder. */
  readonly modelOrigin: ModelOrigin | null;
  /** Of what makes the model's input: tokenizer.json, or the settings of preprocessor_config.json. */
  readonly tokenizerDigest: Digest;
  /** Parameters of the base model. */
  readonly parameters: number;
  /** The engine in use: after the loss of a device the one that went on. */
  readonly engine: string;
  /** The engines that `auto` tried before this one, and why it did not take them. */
  readonly passedOver: readonly PassedOver[];
  /** What a classifier tells apart; null for other tasks. */
  readonly classes: readonly string[] | null;
  /** How many of them a text or an image has. */
  readonly labels: LabelKind;
  readonly data: DataReport;
  /** SHA-256 over the training data, held-out rows included; stays on this machine. */
  readonly dataDigest: Digest;
}

/** Something that a learner does on its own and its operator should know: a constant sentence, and its facts. */
export interface LearnerNotice {
  /** How far long work has come, or a change of how the learner works. */
  readonly kind: "progress" | "change";
  readonly message: string;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** A training under way: its steps as they happen, for whoever looks, and its result. */
export interface Training {
  /** Every step since the iteration began; a slow reader misses the oldest, training never waits for it. */
  readonly steps: AsyncIterable<StepMetrics>;
  readonly result: Promise<TrainResult>;
}

/** What an adapter's folder tells of it. */
export interface AdapterAbout {
  /** The run and round that it came from. */
  readonly origin?: AdapterOrigin | undefined;
  readonly story?: AdapterStory;
}

export interface GenerateRequest {
  readonly prompt: string;
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly seed: number;
}

/**
 * The learner: owns the base model, the data and the engine in one worker thread. Training is a pure function of its
 * request. The same adapter, optimiser state, round and steps give the same bytes on one machine with the same
 * threads: so a killed node resumes without contradicting itself.
 */
export interface Learner {
  readonly info: LearnerInfo;
  /** The adapter that every peer of a run starts from. */
  initialAdapter(): Promise<Float32Array>;
  initialOptimizer(): OptimizerState;
  train(request: TrainRequest, signal?: AbortSignal): Promise<TrainResult>;
  /** Like `train`, with a stream of the steps. */
  watchTraining(request: TrainRequest, signal?: AbortSignal): Training;
  evaluate(adapter: Float32Array, set: "held-out" | "test"): Promise<Evaluation>;
  /**
   * Losses for the private gate, on at most `rows` held-out examples drawn afresh for `round`. They are the loss at
   * `adapter` and, for each candidate, the loss at `adapter + step * (candidate - adapter)`.
   */
  probe(
    adapter: Float32Array,
    candidates: readonly Float32Array[],
    options: { readonly round: number; readonly rows: number; readonly step: number },
  ): Promise<Probe>;
  /** The loss on the held-out examples that `probe` takes in a round, and its gradient at `adapter`. */
  slope(
    adapter: Float32Array,
    options: { readonly round: number; readonly rows: number },
  ): Promise<Slope>;
  generate(adapter: Float32Array, request: GenerateRequest): Promise<string>;
  /**
   * How likely a classifier holds each of its classes for each text, in the order of `info.classes`: as one of them, or
   * each by itself.
   */
  classify(
    adapter: Float32Array,
    texts: readonly string[],
  ): Promise<readonly (readonly number[])[]>;
  /** Writes a PEFT folder: adapter_config.json, adapter_model.safetensors, and a README.md as hubs read it. */
  exportAdapter(adapter: Float32Array, folder: string, about?: AdapterAbout): Promise<void>;
  /**
   * Writes a Hugging Face model folder with the adapter folded into the base model's weights. These keep their format
   * unless `dtype` names another. Throws `incompatible` for a method that has no place in a plain model.
   */
  exportMerged(
    adapter: Float32Array,
    folder: string,
    dtype: FloatFormat | null,
    about?: AdapterAbout,
  ): Promise<void>;
  /** Reads a PEFT folder into this learner's layout; throws `incompatible` when it does not fit. */
  importAdapter(folder: string): Promise<Float32Array>;
  /** What training takes at most, from the graph of the longest batch of the data; nothing is allocated to find out. */
  planMemory(): Promise<MemoryPlan>;
  close(): Promise<void>;
}

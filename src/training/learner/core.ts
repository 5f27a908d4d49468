import type { Evaluation } from "../../types.ts";
import { fitPeft, readPeft } from "../adapters/peft/peft-reader.ts";
import { readPromptLayout } from "../adapters/prompt-file.ts";
import { loadBaseModel } from "../base/base-model.ts";
import { bucket } from "../batches/batch.ts";
import { encodeLabelled } from "../data/dataset/labelled.ts";
import { encodePrompt } from "../data/examples/encode.ts";
import { DEFAULT_SEPARATOR, type PromptLayout } from "../data/examples/separator.ts";
import { deviceMemory } from "../engine/device-memory.ts";
import type { Engine } from "../engine/engine.ts";
import type { OpenedEngine } from "../engine/open-engine.ts";
import type { FloatFormat } from "../files/float-formats.ts";
import type { ModelOrigin } from "../files/hub/options.ts";
import { classify } from "../loop/classify.ts";
import { EvaluationSize, evaluate } from "../loop/evaluation.ts";
import { MicroBatch } from "../loop/micro-batch.ts";
import { type Probe, probe, type Slope, slope } from "../loop/probe.ts";
import { type TrainHooks, type TrainRequest, type TrainResult, train } from "../loop/train-step.ts";
import { type MemoryPlan, planTraining } from "../loop/training-memory.ts";
import { readEndIds } from "../models/generation-config.ts";
import { AdaptedModel } from "../programs/adapted-model.ts";
import { generate } from "../programs/generation.ts";
import { type LearnerData, readLearnerData } from "./data.ts";
import { openLearnerEngine } from "./engine.ts";
import { type ExportSource, writeAdapter, writeMerged } from "./exports.ts";
import { digestOf, type Input, openInput, tokenizerOf } from "./input.ts";
import type {
  AdapterAbout,
  GenerateRequest,
  LearnerInfo,
  LearnerNotice,
  LearnerOptions,
} from "./learner.ts";
import { againstPacking, checkOptions, limitOf } from "./options.ts";
import {
  cutNotice,
  settleTask,
  taskOf,
  tellsNoClass,
  weightNotices,
  writesNoText,
} from "./task.ts";

/** What a learner is put together from. */
interface LearnerParts {
  readonly opened: OpenedEngine;
  readonly initial: Float32Array;
  readonly model: AdaptedModel;
  readonly input: Input;
  /** What ends a text besides the ids of config.json. */
  readonly endIds: readonly number[];
  readonly data: LearnerData;
  /** Where the model came from; null for a folder. */
  readonly origin: ModelOrigin | null;
  /** What the model says of prompts; null for most. */
  readonly prompts: PromptLayout | null;
}

/** The learner as it runs inside its worker: same duties as `Learner`, on the thread it is called on. */
export class LearnerCore {
  readonly info: LearnerInfo;
  readonly #options: LearnerOptions & { readonly packed: boolean };
  readonly #initial: Float32Array;
  readonly #model: AdaptedModel;
  readonly #input: Input;
  readonly #endIds: readonly number[];
  readonly #data: LearnerData;
  readonly #engine: Engine;
  readonly #onNotice: (notice: LearnerNotice) => void;
  readonly #evaluationSize: EvaluationSize;
  #plan: MemoryPlan | undefined;
  #microBatch: MicroBatch | undefined;
  #prompts: PromptLayout;

  private constructor(
    options: LearnerOptions,
    { opened, initial, model, input, endIds, data, origin, prompts }: LearnerParts,
    onNotice: (notice: LearnerNotice) => void,
  ) {
    this.#options = { ...options, packed: options.data?.packing === "separate" };
    this.#initial = initial;
    this.#engine = opened.engine;
    this.#onNotice = onNotice;
    this.#evaluationSize = new EvaluationSize((positions, { message: reason }) => {
      const message = "out of memory: evaluations run in smaller batches";
      onNotice({ kind: "change", message, facts: { positions, reason } });
    });
    this.#model = model;
    this.#input = input;
    this.#endIds = endIds;
    this.#data = data;
    const { separator = DEFAULT_SEPARATOR } = options;
    const { format, promptEnd } = data;
    this.#prompts = prompts ?? { format, separator, promptEnd };
    const { tensors, length, digest, texts = [] } = model.adapter.layout;
    this.info = {
      layout: { tensors, length, digest, texts },
      exportBytes: Float32Array.BYTES_PER_ELEMENT * (model.adapter.stored?.layout.length ?? length),
      modelDigest: model.base.digest,
      modelOrigin: origin,
      tokenizerDigest: digestOf(input),
      parameters: model.base.parameters,
      // Another one after the loss of a device.
      get engine() {
        return opened.engine.name;
      },
      passedOver: opened.passedOver,
      classes: data.classes,
      labels: data.labels,
      data: data.report,
      dataDigest: data.digest,
    };
  }

  /** Reads model, tokenizer and data; see `createLearner` for notices and errors. */
  static async open(
    requested: LearnerOptions,
    origin: ModelOrigin | null = null,
    onNotice: (notice: LearnerNotice) => void = () => {},
    openEngine = openLearnerEngine,
  ): Promise<LearnerCore> {
    const base = await loadBaseModel(requested.model);
    // A model that an adapter was merged into says how its prompts were written.
    const prompts = requested.data ? null : await readPromptLayout(requested.model);
    const { separator = prompts?.separator } = requested;
    const checked = checkOptions(settleTask(requested, base), base.definition);
    const options = { ...checked, ...(separator === undefined ? {} : { separator }) };
    const input = await openInput(options.model, base.definition);
    const endIds = await readEndIds(options.model);
    const own = { classes: base.head?.classes, labels: base.definition.labels };
    const data = await readLearnerData(options, input, onNotice, own);
    const limit = limitOf(requested, options, base.definition);
    const { adapter, objective } = taskOf(base, options, data);
    for (const notice of weightNotices(base, data.classes)) onNotice(notice);
    // Taken now: it may be made of weights, whose files may be changed later.
    const initial = adapter.initial(options.adapter.seed);
    const opened = await openEngine(options, onNotice);
    const model = new AdaptedModel(base, adapter, opened.engine, {
      objective,
      ...(options.dtype ? { dtype: options.dtype } : {}),
    });
    const report = { ...data.report, ...(limit === null ? {} : { limit }) };
    const known = { ...data, report };
    const parts = { opened, initial, model, input, endIds, origin, prompts, data: known };
    return new LearnerCore(options, parts, onNotice);
  }

  initialAdapter(): Float32Array {
    return this.#initial.slice();
  }

  train(request: TrainRequest, hooks: TrainHooks): Promise<TrainResult> {
    const microBatch = this.#rowsAtOnce();
    return train(this.#model, this.#data.train, this.#options, request, { ...hooks, microBatch });
  }

  evaluate(adapter: Float32Array, set: "held-out" | "test"): Promise<Evaluation> {
    const examples = set === "test" ? this.#data.test : this.#data.heldOut;
    const { sequenceMax } = this.#options;
    return evaluate(this.#model, adapter, examples, sequenceMax, this.#evaluationSize);
  }

  probe(
    adapter: Float32Array,
    candidates: readonly Float32Array[],
    options: { readonly round: number; readonly rows: number; readonly step: number },
  ): Promise<Probe> {
    const request = { adapter, candidates, ...options };
    // Whatever training does: side by side the same few texts take fewer positions.
    const reading = { ...this.#options, packed: againstPacking(this.#options) === null };
    return probe(this.#model, this.#data.heldOut, reading, request, this.#rowsAtOnce());
  }

  slope(
    adapter: Float32Array,
    options: { readonly round: number; readonly rows: number },
  ): Promise<Slope> {
    const request = { adapter, ...options };
    return slope(this.#model, this.#data.heldOut, this.#options, request, this.#rowsAtOnce());
  }

  async generate(adapter: Float32Array, request: GenerateRequest): Promise<string> {
    if (this.#data.classes !== null) throw writesNoText();
    const tokenizer = tokenizerOf(this.#input);
    const { format, promptEnd } = this.#prompts;
    const prompt = encodePrompt(tokenizer, request.prompt, format, promptEnd);
    const options = { ...request, endIds: this.#endIds };
    const cut = cutNotice(this.#model, prompt.length);
    if (cut !== null) this.#onNotice(cut);
    return tokenizer.decode(await generate(this.#model, adapter, prompt, options));
  }

  /** See `Learner.classify`. */
  classify(
    adapter: Float32Array,
    texts: readonly string[],
  ): Promise<readonly (readonly number[])[]> {
    const { classes, labels } = this.#data;
    if (classes === null) throw tellsNoClass();
    const tokenizer = tokenizerOf(this.#input);
    const { sequenceMax } = this.#options;
    const examples = texts.map((text) =>
      encodeLabelled({ text }, { label: 0 }, tokenizer, sequenceMax),
    );
    return classify(this.#model, adapter, examples, labels, sequenceMax, this.#evaluationSize);
  }

  async exportAdapter(
    adapter: Float32Array,
    folder: string,
    about: AdapterAbout = {},
  ): Promise<void> {
    await writeAdapter(folder, adapter, this.#exportSource(about));
  }

  async exportMerged(
    adapter: Float32Array,
    folder: string,
    dtype: FloatFormat | null,
    about: AdapterAbout = {},
  ): Promise<void> {
    await writeMerged(folder, adapter, dtype, this.#exportSource(about));
  }

  #exportSource(about: AdapterAbout): ExportSource {
    const { model } = this.#options;
    const origin = this.info.modelOrigin;
    const [prompts, data] = [this.#prompts, this.#data];
    return { model: this.#model, folder: model, origin, prompts, data, about };
  }

  async importAdapter(folder: string): Promise<Float32Array> {
    const { adapter: method, base } = this.#model;
    const adapter = await readPeft(folder);
    const written = fitPeft(adapter, {
      layout: method.stored?.layout ?? method.layout,
      settings: method.settings,
      baseDigest: base.digest,
      classes: this.#data.classes,
      labels: this.#data.labels,
    });
    this.#compareSeparators(adapter.prompts);
    // Without data of its own, a learner writes prompts as they were written when the adapter was trained.
    if (!this.#options.data && adapter.prompts !== null) this.#prompts = adapter.prompts;
    return method.stored?.read(written) ?? written;
  }

  /** Training that goes on from an adapter keeps to this run's separator. */
  #compareSeparators(prompts: PromptLayout | null): void {
    const { separator } = this.#prompts;
    if (!this.#options.data || prompts?.format !== "prompt") return;
    if (prompts.separator === separator) return;
    const message = "the adapter was trained with another separator than run.separator";
    const facts = { trained: JSON.stringify(prompts.separator), here: JSON.stringify(separator) };
    this.#onNotice({ kind: "change", message, facts });
  }

  #rowsAtOnce(): MicroBatch {
    this.#microBatch ??= this.#newMicroBatch();
    return this.#microBatch;
  }

  /** The limits of the first training; what it learns about the device's memory holds for those after it. */
  #newMicroBatch(): MicroBatch {
    const { recompute: choice = "auto", microBatch: rowsMax } = this.#options;
    return new MicroBatch({
      recompute: choice === "auto" ? this.planMemory().recompute : choice === "on",
      mayRecompute: choice === "auto",
      ...(rowsMax === undefined ? {} : { rowsMax }),
      onLowered: ({ rowsMax: rows, recompute }, { message: reason }) => {
        const atOnce = Number.isFinite(rows) ? { rows } : {};
        const facts = { recompute: recompute ? "on" : "off", ...atOnce, reason };
        const message = "out of memory: each step runs in less of it, and longer";
        this.#onNotice({ kind: "change", message, facts });
      },
    });
  }

  planMemory(): MemoryPlan {
    this.#plan ??= this.#newPlan();
    return this.#plan;
  }

  #newPlan(): MemoryPlan {
    const { batchSize: size, sequenceMax, threads, recompute = "auto" } = this.#options;
    const longest = Math.min(bucket(this.#data.longest || sequenceMax), sequenceMax);
    const { microBatch: rowsMax = size } = this.#options;
    const available = deviceMemory(this.#engine.name);
    return planTraining(this.#model, { size, longest, threads, rowsMax }, available, recompute);
  }

  async close(): Promise<void> {
    this.#data.close();
    await this.#model.close();
    await this.#engine.close();
  }
}

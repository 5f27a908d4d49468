import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { EXIT_CODES, KlatchError } from "../../errors.ts";
import {
  type AloneResult,
  type ColumnMap,
  createLearner,
  type Learner,
  type MemoryPlan,
  trainAlone,
} from "../../training/index.ts";
import type { Evaluation } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { checkAdapterFolder, checkOutFolder } from "../folders/out-folder.ts";
import { EXIT_INTERRUPTED } from "../process/lifecycle.ts";
import { onScriptShellGone } from "../process/script-shell.ts";
import { dataNotes, describeExamples } from "../view/data-notes.ts";
import { downloadView } from "../view/download-view.ts";
import { LossHistory } from "../view/loss-history.ts";
import { describeMemory } from "../view/memory-text.ts";
import { noticeView } from "../view/notice-view.ts";
import { describeModel, perSecond } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { TrainProgress } from "../view/train-progress.ts";
import { wrapped, wrappedLines } from "../view/wrapped.ts";
import { addConfigOptions, configOf } from "./config-options.ts";
import { parseColumns } from "./model-use.ts";
import { decimalNumber, required, wholeNumber } from "./number-flags.ts";

/** `klatch train`: trains an adapter alone, with the settings that a node would use, and writes it as a PEFT folder. */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command, (key) => KEYS.test(key));
  command
    .option("--data <file...>", "files to train on (or data.train of the configuration)")
    .option("--test <file...>", "files to measure the result on")
    .option("--columns <map>", "column names, e.g. prompt=question,completion=answer", parseColumns)
    .option("--steps <n>", "optimiser steps", wholeNumber(1, 10_000_000), 100)
    .addOption(
      new Option("--epochs <x>", "times through the data, instead of --steps")
        .argParser(decimalNumber(0.001, 100_000))
        .conflicts("steps"),
    )
    .option("--out <folder>", "PEFT folder to write the adapter to (required)")
    .option(
      "--init <folder>",
      "PEFT folder of an adapter to go on from; the optimiser and the step size begin anew",
    )
    .option("--evaluate-every <n>", "steps between held-out evaluations", wholeNumber(1, 1e6), 50)
    .option(
      "--patience <n>",
      "evaluations without progress before it stops; 0 goes on",
      wholeNumber(0, 1000),
      0,
    )
    .option("--history <file>", "CSV file for the loss of every step")
    .option("--force", "replace an adapter that --out holds already")
    .option("--json", "print one JSON document")
    .action(async (flags: Flags) => {
      const { result, learner, ...rest } = await run(command, flags, terminal);
      const report = reportOf(result, learner.info, rest);
      if (flags.json === true) terminal.json(report);
      else
        for (const line of wrappedLines(describe(report), INDENT, terminal.columns))
          terminal.line(line);
      if (result.reason === "diverged") terminal.fail(EXIT_CODES.diverged);
      if (result.reason === "stopped") terminal.fail(EXIT_INTERRUPTED);
    });
}

// --- internal ---

/** What a node shares or owns of learning, and nothing of the network. */
const KEYS =
  /^((model|cache)$|run\.(adapter|optimizer)\.|run\.(batchSize|sequenceMax|separator|seed|factors|task|classes)|data\.|engine\.)/;

/** A better adapter is written beside the one before, and takes its place. */
const ADAPTER_COPIES = 2;

/** Where the texts begin, after their names. */
const INDENT = 12;

/** What an adapter's folder does not hold, so that nobody takes `--init` for a training that was only interrupted. */
const ANEW =
  "goes on from the adapter; the optimiser's moments and the step size, which no PEFT folder holds, begin anew";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface Flags {
  readonly data?: readonly string[];
  readonly test?: readonly string[];
  readonly columns?: ColumnMap;
  readonly steps: number;
  readonly epochs?: number;
  readonly out?: string;
  readonly init?: string;
  readonly evaluateEvery: number;
  readonly patience: number;
  readonly history?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

async function run(command: Command, flags: Flags, terminal: Terminal) {
  const config = withFiles(configOf(command), flags);
  const out = resolve(required("--out", flags.out));
  const isInit = flags.init !== undefined && resolve(flags.init) === out;
  checkAdapterFolder(out, { mayReplace: flags.force === true || isInit });
  if (flags.patience > 0 && config.data.heldOutShare === 0) {
    throw new KlatchError(
      "usage",
      "--patience has no loss to go by: data.heldOutShare is 0",
      "hold rows out, e.g. --data-held-out-share 0.1",
    );
  }
  const { learner, steps } = await open(config, flags, terminal);
  try {
    checkOutFolder(out, ADAPTER_COPIES * learner.info.exportBytes);
    const memory = await learner.planMemory();
    terminal.note(wrapped("memory".padEnd(INDENT), describeMemory(memory), terminal.columns));
    const { init } = flags;
    if (init !== undefined) terminal.note(wrapped("init".padEnd(INDENT), ANEW, terminal.columns));
    const first = await (init === undefined
      ? learner.initialAdapter()
      : learner.importAdapter(init));
    const isTested = learner.info.data.test.examples > 0;
    const before = isTested ? await learner.evaluate(first, "test") : null;
    // What a power cut leaves is the best state until then.
    const keep = (adapter: Float32Array) => learner.exportAdapter(adapter, out);
    const result = await train(learner, first, keep, { ...flags, steps }, terminal);
    const test = before === null ? null : await learner.evaluate(result.adapter, "test");
    await learner.exportAdapter(result.adapter, out, {
      story: { figures: figures(result, before, test) },
    });
    const epochs = (result.steps * config.run.batchSize) / learner.info.data.train.examples;
    return { result, learner, out, epochs, memory, before, test };
  } finally {
    await learner.close();
  }
}

/** The learner and the steps that it is to take: so many times through the data, where that is asked for. */
async function open(config: Config, flags: Flags, terminal: Terminal) {
  const hub = hubOptions(config.cache, { report: downloadView(terminal) });
  const create = async (steps: number) => {
    const learner = await createLearner(learnerOptions(config, steps), hub, noticeView(terminal));
    terminal.overwrite("");
    return { learner, steps };
  };
  const first = await create(flags.steps);
  if (flags.epochs === undefined) return first;
  // The step size falls over all steps, and how many they are is known once the data is read.
  const { examples } = first.learner.info.data.train;
  await first.learner.close();
  return create(Math.max(1, Math.ceil((flags.epochs * examples) / config.run.batchSize)));
}

function withFiles(config: Config, flags: Flags): Config {
  const absolute = (files: readonly string[]) => files.map((file) => resolve(file));
  const train = flags.data === undefined ? config.data.train : absolute(flags.data);
  required("--data", train.length > 0 ? train : undefined);
  const test = flags.test === undefined ? config.data.test : absolute(flags.test);
  const columns = flags.columns ?? config.data.columns;
  return { ...config, data: { ...config.data, columns, train: [...train], test: [...test] } };
}

/**
 * Trains until the end or the first signal; a second one ends the process. Every state that is the best so far is
 * kept, and a person sees how it goes.
 */
async function train(
  learner: Learner,
  adapter: Float32Array,
  keep: (best: Float32Array) => Promise<void>,
  flags: Flags,
  terminal: Terminal,
): Promise<AloneResult> {
  const { steps, evaluateEvery, patience } = flags;
  const controller = new AbortController();
  const stop = () => {
    terminal.note("finishing this step; Ctrl-C again stops at once");
    for (const signal of SIGNALS) process.removeListener(signal, stop);
    controller.abort();
  };
  const callOff = onScriptShellGone(() => {
    if (!controller.signal.aborted) stop();
  });
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const options = { steps, evaluateEvery, patience, adapter };
    const history = flags.history === undefined ? null : new LossHistory(resolve(flags.history));
    const shown = new TrainProgress(
      steps,
      terminal,
      learner.info.classes === null ? "tokens" : "texts",
    );
    for await (const event of trainAlone(learner, options, controller.signal)) {
      history?.take(event);
      if (flags.json !== true) shown.show(event);
      if (event.kind === "best") await keep(event.adapter);
      if (event.kind === "end") return event.result;
    }
    throw new Error("training ended without a result");
  } finally {
    callOff();
    for (const signal of SIGNALS) process.removeListener(signal, stop);
  }
}

/** What the adapter's README says was measured. */
function figures(
  { bestStep, loss, heldOut }: AloneResult,
  before: Evaluation | null,
  test: Evaluation | null,
): readonly (readonly [string, string])[] {
  const nats = (value: number) => `${value.toFixed(4)} nats`;
  return [
    ["steps", String(bestStep)],
    ["loss in training", nats(loss)],
    ...(heldOut === null ? [] : [["loss on held-out rows", nats(heldOut.loss)] as const]),
    ...(before === null || test === null
      ? []
      : [["loss on test rows", `${nats(before.loss)} before, ${nats(test.loss)} after`] as const]),
  ];
}

function reportOf(
  result: AloneResult,
  info: Learner["info"],
  rest: {
    readonly out: string;
    readonly epochs: number;
    readonly memory: MemoryPlan;
    readonly before: Evaluation | null;
    readonly test: Evaluation | null;
  },
) {
  const { adapter: _, tokens, positions, seconds, ...facts } = result;
  // As `bench` counts: prompts take as long as answers. Of a classifier, texts.
  const read = info.classes === null ? positions : tokens;
  return {
    ...facts,
    tokens,
    seconds,
    positions,
    tokensPerSecond: read / Math.max(1e-9, seconds),
    engine: info.engine,
    model: { digest: info.modelDigest, origin: info.modelOrigin },
    parameters: info.parameters,
    trained: info.layout.length,
    classes: info.classes,
    data: info.data,
    ...rest,
  };
}

function describe(report: ReturnType<typeof reportOf>): readonly string[] {
  const { before, test, heldOut } = report;
  const share = ((100 * report.trained) / report.parameters).toFixed(2);
  const [unit, match] = report.classes === null ? ["token", "exact match"] : ["text", "accuracy"];
  const why = report.error === null ? report.reason : `${report.reason}: ${report.error}`;
  return [
    `training    ${why} after ${report.steps} ${report.steps === 1 ? "step" : "steps"} (${report.epochs.toFixed(2)} epochs); kept the state of step ${report.bestStep}`,
    `adapter     ${report.trained} numbers, ${share} % of the model's ${report.parameters}`,
    `loss        ${report.loss.toFixed(4)} nats per ${unit} in training`,
    ...(heldOut === null ? [] : [`held out    ${heldOut.loss.toFixed(4)} nats per ${unit}`]),
    ...(before === null || test === null
      ? []
      : [
          `test        ${before.loss.toFixed(4)} before, ${test.loss.toFixed(4)} after, nats per ${unit}; ${match} ${(100 * test.exactMatch).toFixed(1)} %`,
        ]),
    `data        ${describeExamples(report.data)}`,
    ...dataNotes(report.data).map((note) => `note        ${note}`),
    `model       ${describeModel(report.model)}`,
    `speed       ${perSecond(report.tokensPerSecond)} ${unit}s per second on ${report.engine}`,
    `written to  ${report.out}`,
  ];
}

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { EXIT_CODES, KlatchError } from "../../errors.ts";
import {
  type AloneOptions,
  type AloneResult,
  type AloneState,
  type ColumnMap,
  createLearner,
  type Learner,
  trainAlone,
} from "../../training/index.ts";
import type { Evaluation } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { checkAdapterFolder, checkOutFolder } from "../folders/out-folder.ts";
import { checkSameTraining, TrainingCheckpoints } from "../past/training-checkpoints.ts";
import { trainingSettings } from "../past/training-settings.ts";
import { EXIT_INTERRUPTED } from "../process/lifecycle.ts";
import { onScriptShellGone } from "../process/script-shell.ts";
import type { TrainingCheckpoint } from "../store/training-files.ts";
import { downloadView } from "../view/download-view.ts";
import { LossHistory } from "../view/loss-history.ts";
import { describeMemory } from "../view/memory-text.ts";
import { noticeView } from "../view/notice-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { TrainProgress } from "../view/train-progress.ts";
import { describeTraining, trainFigures, trainReport } from "../view/train-report.ts";
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
    .addOption(
      new Option(
        "--resume",
        "go on with the training in --out that was interrupted, from its last evaluation",
      ).conflicts(["init", "force"]),
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
      const report = trainReport(result, learner.info, rest);
      if (flags.json === true) terminal.json(report);
      else
        for (const line of wrappedLines(describeTraining(report), INDENT, terminal.columns))
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

/** Of checkpoints that a file does not hold. */
const TOO_LARGE =
  "none is kept of an adapter of this size: once interrupted, the training cannot be resumed, only its adapter used";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface Flags {
  readonly data?: readonly string[];
  readonly test?: readonly string[];
  readonly columns?: ColumnMap;
  readonly steps: number;
  readonly epochs?: number;
  readonly out?: string;
  readonly init?: string;
  readonly resume?: boolean;
  readonly evaluateEvery: number;
  readonly patience: number;
  readonly history?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

async function run(command: Command, flags: Flags, terminal: Terminal) {
  const config = withFiles(configOf(command), flags);
  const out = resolve(required("--out", flags.out));
  checkFlags(config, out, flags);
  const checkpoints = new TrainingCheckpoints(out);
  const note: Note = (name, sentence) =>
    terminal.note(wrapped(name.padEnd(INDENT), sentence, terminal.columns));
  const kept = flags.resume ? checkpoints.newest((sentence) => note("checkpoint", sentence)) : null;
  const { learner, steps } = await open(config, flags, terminal);
  try {
    const { info } = learner;
    const settings = trainingSettings(config, { ...flags, steps }, info);
    if (kept !== null) checkSameTraining(kept.settings, settings);
    const room = TrainingCheckpoints.bytesFor(info.layout.length);
    checkOutFolder(out, ADAPTER_COPIES * info.exportBytes + (room ?? 0));
    if (room === null) note("checkpoint", TOO_LARGE);
    const memory = await learner.planMemory();
    note("memory", describeMemory(memory));
    if (kept === null) checkpoints.remove();
    const { before, ...start } = await startOf(learner, kept, flags, note);
    // What a power cut leaves is the best state until then.
    let checkpoint = kept?.state.progress.steps ?? null;
    const keep: Keep = {
      best: (adapter) => learner.exportAdapter(adapter, out),
      state(state) {
        if (room === null) return;
        checkpoints.save({ state, settings, before });
        checkpoint = state.progress.steps;
      },
    };
    const result = await train(learner, start, keep, { ...flags, steps }, terminal);
    const test = before === null ? null : await learner.evaluate(result.adapter, "test");
    await learner.exportAdapter(result.adapter, out, {
      story: { figures: trainFigures(result, before, test) },
    });
    const epochs = (result.steps * config.run.batchSize) / info.data.train.examples;
    if (result.reason === "finished" || result.reason === "early stop") {
      checkpoints.remove();
      checkpoint = null;
    }
    const resumedFrom = kept?.state.progress.steps ?? null;
    return { result, learner, out, epochs, memory, before, test, resumedFrom, checkpoint };
  } finally {
    await learner.close();
  }
}

type Note = (name: string, sentence: string) => void;

/** @throws KlatchError when the result could not be written, or the flags do not go together */
function checkFlags(config: Config, out: string, { init, force, resume, patience }: Flags): void {
  const isInit = init !== undefined && resolve(init) === out;
  checkAdapterFolder(out, { mayReplace: force === true || resume === true || isInit });
  if (patience > 0 && config.data.heldOutShare === 0) {
    throw new KlatchError(
      "usage",
      "--patience has no loss to go by: data.heldOutShare is 0",
      "hold rows out, e.g. --data-held-out-share 0.1",
    );
  }
}

/** Where a training begins or goes on, and what the adapter that it began with says of the test files. */
async function startOf(
  learner: Learner,
  kept: TrainingCheckpoint | null,
  { init }: Flags,
  note: Note,
): Promise<Start & { readonly before: Evaluation | null }> {
  if (kept !== null) {
    const { state: from, before } = kept;
    note("resume", `goes on behind step ${from.progress.steps}`);
    return { from, before };
  }
  if (init !== undefined) note("init", ANEW);
  const adapter = await (init === undefined
    ? learner.initialAdapter()
    : learner.importAdapter(init));
  const isTested = learner.info.data.test.examples > 0;
  return { adapter, before: isTested ? await learner.evaluate(adapter, "test") : null };
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

type Start = Pick<AloneOptions, "adapter" | "from">;

/** Where a training's states go. */
interface Keep {
  best(adapter: Float32Array): Promise<void>;
  state(state: AloneState): void;
}

/**
 * Trains until the end or the first signal; a second one ends the process. Every state that is the best so far is
 * kept, and a person sees how it goes.
 */
async function train(
  learner: Learner,
  start: Start,
  keep: Keep,
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
    const options = { steps, evaluateEvery, patience, ...start };
    const history =
      flags.history === undefined
        ? null
        : new LossHistory(resolve(flags.history), start.from?.progress.steps);
    const shown = new TrainProgress(
      steps,
      terminal,
      learner.info.classes === null ? "tokens" : "texts",
    );
    for await (const event of trainAlone(learner, options, controller.signal)) {
      history?.take(event);
      if (flags.json !== true) shown.show(event);
      if (event.kind === "best") await keep.best(event.adapter);
      if (event.kind === "checkpoint") keep.state(event.state);
      if (event.kind === "end") return event.result;
    }
    throw new Error("training ended without a result");
  } finally {
    callOff();
    for (const signal of SIGNALS) process.removeListener(signal, stop);
  }
}

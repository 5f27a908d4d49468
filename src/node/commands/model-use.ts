import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type AdapterOptions,
  COLUMN_NAMES,
  type ColumnMap,
  columnsOf,
  createLearner,
  type Learner,
  type LearnerOptions,
  readAdapterHead,
  readAdapterSeparator,
  readAdapterSettings,
} from "../../training/index.ts";
import { BASE_DTYPES, type BaseDType, type EngineChoice } from "../../types.ts";
import { BUNDLED_MODEL } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { AUTO_CACHE, tokenCache } from "../folders/cache-folder.ts";
import { bundledModel } from "../folders/package-folder.ts";
import { downloadView } from "../view/download-view.ts";
import { noticeView } from "../view/notice-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { engineOption } from "./engine-option.ts";
import { wholeNumber } from "./number-flags.ts";

/** Longest sequence; the learner cuts it to the model's context. */
const SEQUENCE_MAX = 4096;

export interface ModelFlags {
  readonly model: string;
  readonly cache: string;
  readonly adapter?: string;
  readonly threads: number;
  readonly engine: EngineChoice;
  readonly dtype: BaseDType;
  /** Of commands that read prompts with completions. */
  readonly separator?: string;
}

/** What `--model` may be, everywhere. */
export const MODEL_HELP = "Hugging Face model folder, or organisation/name[@revision] of the hub";

/** `--cache`, for commands without a configuration. */
export function cacheOption(): Option {
  return (
    new Option("--cache <folder>", "folder for models from the hub")
      .env("KLATCH_CACHE")
      // A variable that is empty is none.
      .argParser((text) => text || AUTO_CACHE)
      .default(AUTO_CACHE, "klatch in this user's cache folder")
  );
}

/** `--dtype`, for commands without a configuration. */
export function dtypeOption(): Option {
  return new Option("--dtype <type>", "how the frozen base model is kept")
    .choices(BASE_DTYPES)
    .default("f32");
}

/** Adds the flags of commands that use a model without being a node. */
export function addModelOptions(command: Command): void {
  command
    .option("--model <name>", MODEL_HELP, BUNDLED_MODEL)
    .addOption(cacheOption())
    .option("--adapter <folder>", "PEFT folder of an adapter (default: the base model alone)")
    .addOption(engineOption())
    .addOption(dtypeOption())
    .option("--threads <n>", "CPU threads", wholeNumber(1, 256), availableParallelism())
    .option("--json", "print one JSON document");
}

/** A learner that evaluates or generates, and the adapter it does it with; close the learner when done. */
export async function openModel(
  flags: ModelFlags,
  terminal: Terminal,
  test?: LearnerOptions["test"],
): Promise<{ readonly learner: Learner; readonly adapter: Float32Array }> {
  const options: LearnerOptions = {
    model: flags.model === BUNDLED_MODEL ? bundledModel() : flags.model,
    engine: flags.engine,
    onEngineLoss: "stop",
    threads: flags.threads,
    dtype: flags.dtype,
    adapter: await adapterOptions(flags.adapter),
    ...(await taskOptions(flags.adapter)),
    ...(await separatorOption(flags)),
    factors: "both",
    optimizer: UNUSED_OPTIMIZER,
    batchSize: 8,
    sequenceMax: SEQUENCE_MAX,
    seed: 1,
    tokenCache: tokenCache(flags.cache),
    ...(test ? { test } : {}),
  };
  const hub = hubOptions(flags.cache, { report: downloadView(terminal) });
  const learner = await createLearner(options, hub, noticeView(terminal));
  terminal.overwrite("");
  try {
    const { adapter: folder } = flags;
    const adapter = await (folder === undefined
      ? learner.initialAdapter()
      : learner.importAdapter(folder));
    return { learner, adapter };
  } catch (error) {
    await learner.close();
    throw error;
  }
}

/** Reads `prompt=question,completion=answer`. */
export function parseColumns(text: string): ColumnMap {
  const columns = columnsOf(text);
  if (columns !== null) return columns;
  throw new InvalidArgumentError(`expected ${COLUMN_NAMES.join("|")}=NAME, comma between.`);
}

/** An adapter with a classification head comes with the names of its classes; without one it says nothing. */
export async function taskOptions(
  folder: string | undefined,
): Promise<Pick<LearnerOptions, "task" | "classes" | "labels">> {
  if (folder === undefined) return {};
  const head = await readAdapterHead(folder);
  return head === null ? { task: "causal" } : { task: "classification", ...head };
}

// --- internal ---

/** What the flag says, else what the adapter was trained with. */
async function separatorOption({
  separator,
  adapter,
}: ModelFlags): Promise<Pick<LearnerOptions, "separator">> {
  const given = separator ?? (adapter === undefined ? null : await readAdapterSeparator(adapter));
  return given === null ? {} : { separator: given };
}

/** The options that fit an adapter; without one the smallest, which leaves the base model as it is. */
async function adapterOptions(folder: string | undefined): Promise<AdapterOptions> {
  if (folder === undefined) {
    return { kind: "lora", rank: 1, alpha: 1, targets: ["all"], seed: 1 };
  }
  return { ...(await readAdapterSettings(folder)), seed: 1 };
}

/** Nothing is trained here. */
const UNUSED_OPTIMIZER: LearnerOptions["optimizer"] = {
  learningRate: 1e-3,
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 1,
  warmupSteps: 0,
};

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { KlatchError } from "../../errors.ts";
import {
  createLearner,
  type FloatFormat,
  type Learner,
  readAdapterSettings,
} from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { checkAdapterFolder, checkOutFolder } from "../folders/out-folder.ts";
import { runDigest } from "../peer/manifest.ts";
import { readCheckpoint } from "../store/store.ts";
import { downloadView } from "../view/download-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, configOf } from "./config-options.ts";
import { taskOptions } from "./model-use.ts";
import { required } from "./number-flags.ts";

/**
 * `klatch export`: writes the newest checkpoint of this node's run, or a given adapter, as a folder that Hugging Face
 * PEFT loads. Merged with the base model it is a folder that transformers loads.
 */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command);
  command
    .option("--out <folder>", "folder to write to")
    .option("--adapter <folder>", "PEFT folder of an adapter (default: the newest checkpoint)")
    .option("--merged", "write the whole model with the adapter folded into its weights")
    .addOption(
      new Option(
        "--merged-dtype <format>",
        "format of the merged weights (default: the base model's)",
      ).choices(Object.keys(FORMATS)),
    )
    .option("--json", "print one JSON document")
    .action(async (flags: Flags) => {
      const result = await run(configOf(command), flags, terminal);
      if (flags.json === true) return terminal.json(result);
      const { rounds, run: id, adapter, folder, merged } = result;
      terminal.line(
        adapter === null ? `adapter of round ${rounds} of run ${id}` : `adapter ${adapter}`,
      );
      terminal.line(`${merged ? "merged with the base model and " : ""}written to ${folder}`);
    });
}

// --- internal ---

const FORMATS: Readonly<Record<string, FloatFormat>> = { f32: "F32", bf16: "BF16", f16: "F16" };

interface Flags {
  readonly out?: string;
  readonly adapter?: string;
  readonly merged?: boolean;
  readonly mergedDtype?: string;
  readonly json?: boolean;
}

interface ExportResult {
  readonly folder: string;
  readonly merged: boolean;
  /** The folder that was given with --adapter. */
  readonly adapter: string | null;
  /** The run whose checkpoint it is, and the rounds that went into it. */
  readonly run: string | null;
  readonly rounds: number | null;
}

/** An adapter with the learner that it fits, and where it came from. */
interface Source extends Pick<ExportResult, "adapter" | "run" | "rounds"> {
  readonly values: Float32Array;
}

async function run(config: Config, flags: Flags, terminal: Terminal): Promise<ExportResult> {
  const folder = resolve(required("--out", flags.out));
  const merged = flags.merged === true;
  if (merged) checkOutFolder(folder);
  else checkAdapterFolder(folder);
  if (flags.mergedDtype !== undefined && !merged) {
    throw new KlatchError(
      "usage",
      "--merged-dtype is for --merged",
      "an adapter is always written in F32",
    );
  }
  const adapter = flags.adapter === undefined ? null : resolve(flags.adapter);
  const learner = await openLearner(config, adapter, terminal);
  try {
    const { values, ...source } =
      adapter === null
        ? newestCheckpoint(config, learner, terminal)
        : { values: await learner.importAdapter(adapter), adapter, run: null, rounds: null };
    if (merged)
      await learner.exportMerged(values, folder, FORMATS[flags.mergedDtype ?? ""] ?? null);
    else await learner.exportAdapter(values, folder);
    return { folder, merged, ...source };
  } finally {
    await learner.close();
  }
}

/** The learner of the configuration; for an adapter of its own with that adapter's settings, and without data. */
async function openLearner(
  config: Config,
  adapter: string | null,
  terminal: Terminal,
): Promise<Learner> {
  const hub = hubOptions(config.cache, { report: downloadView(terminal) });
  const options = learnerOptions(config);
  if (adapter === null) return await createLearner(options, hub);
  const { data: _, test: __, ...rest } = options;
  const settings = await readAdapterSettings(adapter);
  const task = await taskOptions(adapter);
  const own = { ...rest, ...task, adapter: { ...settings, seed: config.run.seed } };
  return await createLearner(own, hub);
}

function newestCheckpoint(config: Config, learner: Learner, terminal: Terminal): Source {
  const run = runDigest(config.run, learner.info);
  const checkpoint = readCheckpoint(config.dataDir, run, (sentence) => terminal.note(sentence));
  if (checkpoint === null) {
    throw new KlatchError(
      "data",
      `${config.dataDir} holds no checkpoint of this run`,
      "run `klatch start` first, with the same configuration; the first round writes one",
    );
  }
  return { values: checkpoint.adapter, adapter: null, run, rounds: checkpoint.round };
}

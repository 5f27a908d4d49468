import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { KlatchError } from "../../errors.ts";
import {
  type AdapterOrigin,
  createLearner,
  type FloatFormat,
  type HubOptions,
  type Learner,
  readAdapterOrigin,
  readAdapterSettings,
} from "../../training/index.ts";
import type { RunMode } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { checkAdapterFolder, checkModelFolder, checkOutFolder } from "../folders/out-folder.ts";
import { type OpenedCheckpoint, openCheckpoint } from "../past/open-checkpoint.ts";
import { PROOF_FILE, type Proof, readProof, writeProof } from "../proof/proof-file.ts";
import { downloadView } from "../view/download-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, configOf } from "./config-options.ts";
import { taskOptions } from "./model-use.ts";
import { required, wholeNumber } from "./number-flags.ts";

/**
 * `klatch export`: writes a checkpoint of this node, or a given adapter, as a folder that Hugging Face PEFT loads.
 * Merged with the base model it is a folder that transformers loads. The node may run, or not.
 */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command);
  command
    .option("--out <folder>", "folder to write to (required)")
    .option("--adapter <folder>", "PEFT folder of an adapter (default: the newest checkpoint)")
    .option("--run <id>", "a run of `klatch runs`, by the beginning of its id (default: the last)")
    .option(
      "--round <n>",
      "the checkpoint after this round (default: the newest)",
      wholeNumber(1, 1_000_000),
    )
    .option("--merged", "write the whole model with the adapter folded into its weights")
    .addOption(
      new Option(
        "--merged-dtype <format>",
        "format of the merged weights (default: the base model's)",
      ).choices(Object.keys(FORMATS)),
    )
    .option("--force", "replace what --out holds already")
    .option("--json", "print one JSON document")
    .action(async (flags: Flags) => {
      const result = await run(configOf(command), flags, terminal);
      if (flags.json === true) return terminal.json(result);
      const { rounds, run: id, adapter, folder, merged } = result;
      terminal.line(
        adapter === null ? `adapter of round ${rounds} of run ${id}` : `adapter ${adapter}`,
      );
      terminal.line(`${merged ? "merged with the base model and " : ""}written to ${folder}`);
      for (const line of describeProof(result)) terminal.line(line);
    });
}

// --- internal ---

const FORMATS: Readonly<Record<string, FloatFormat>> = { f32: "F32", bf16: "BF16", f16: "F16" };

interface Flags {
  readonly out?: string;
  readonly model?: string;
  readonly adapter?: string;
  readonly run?: string;
  readonly round?: number;
  readonly merged?: boolean;
  readonly mergedDtype?: string;
  readonly force?: boolean;
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
  readonly mode: RunMode | null;
  /** The file beside it that says who has signed it, and the first round that is in there, counted from 1. */
  readonly proof: string | null;
  readonly provenFrom: number | null;
}

/** An adapter with the learner that it fits, and where it came from. */
interface Source extends Omit<OpenedCheckpoint, "steps" | "begin"> {
  readonly adapter: string | null;
}

function describeProof({ mode, merged, proof, provenFrom }: ExportResult): readonly string[] {
  if (proof !== null) {
    const part =
      provenFrom === 1
        ? ""
        : `, from round ${provenFrom} on: a proof is at most 5 MiB, and the chain is longer`;
    return [`with ${proof} for \`klatch verify\`${part}`];
  }
  if (mode !== "agreed") return [];
  return [merged ? "without a proof: that is of the adapter" : "without a proof: there is none"];
}

async function run(config: Config, flags: Flags, terminal: Terminal): Promise<ExportResult> {
  const folder = resolve(required("--out", flags.out));
  const merged = flags.merged === true;
  checkFlags(flags);
  if (merged) checkModelFolder(folder, flags.force === true);
  else checkAdapterFolder(folder, { mayReplace: true });
  const source = await openSource(config, flags, terminal);
  const { learner, values, adapter, origin } = source;
  try {
    if (!merged) {
      await checkReplaced(folder, adapter, origin, flags.force === true);
      checkOutFolder(folder, learner.info.exportBytes);
    }
    if (merged) {
      const about = { origin: origin ?? undefined, story: source.story };
      const dtype = FORMATS[flags.mergedDtype ?? ""] ?? null;
      await learner.exportMerged(values, folder, dtype, about);
    } else await writeAdapter(folder, source);
    return resultOf({ folder, merged, ...source, proof: merged ? null : source.proof });
  } finally {
    await learner.close();
  }
}

async function writeAdapter(
  folder: string,
  { learner, values, origin, story, proof }: Source,
): Promise<void> {
  // gone while the adapter changes: a proof is never beside another one
  writeProof(folder, null);
  await learner.exportAdapter(values, folder, { origin: origin ?? undefined, story });
  if (proof !== null) writeProof(folder, proof);
}

function resultOf(
  made: Pick<ExportResult, "folder" | "merged"> & Pick<Source, "adapter" | "origin" | "proof">,
): ExportResult {
  const { folder, merged, adapter, origin, proof } = made;
  const { runId: run = null, round: rounds = null, mode = null } = origin ?? {};
  const [file, provenFrom] = proof === null ? [null, null] : [PROOF_FILE, proof.from + 1];
  return { folder, merged, adapter, run, rounds, mode, proof: file, provenFrom };
}

/** A newer round of the same run takes the place of an older one; any other adapter stays. */
async function checkReplaced(
  folder: string,
  adapter: string | null,
  origin: AdapterOrigin | null,
  force: boolean,
): Promise<void> {
  const there = existsSync(join(folder, "klatch.json")) ? await readAdapterOrigin(folder) : null;
  const isSame = folder === adapter || (origin !== null && there?.runId === origin.runId);
  checkAdapterFolder(folder, { mayReplace: force || isSame });
}

/** Flags that say nothing together. */
function checkFlags({ adapter, run: id, round, merged, mergedDtype }: Flags): void {
  if (mergedDtype !== undefined && merged !== true) {
    throw new KlatchError(
      "usage",
      "--merged-dtype is for --merged",
      "an adapter is always written in F32",
    );
  }
  if (adapter !== undefined && (id !== undefined || round !== undefined)) {
    throw new KlatchError(
      "usage",
      "--adapter names an adapter, and --run and --round another",
      "give one or the other",
    );
  }
}

/** What is exported: the adapter of a folder, or a checkpoint. The learner is the caller's to close. */
async function openSource(config: Config, flags: Flags, terminal: Terminal): Promise<Source> {
  const hub = hubOptions(config.cache, { report: downloadView(terminal) });
  if (flags.adapter === undefined) {
    const choice = { run: flags.run ?? null, round: flags.round ?? null };
    const isModelNamed = flags.model !== undefined;
    const note = (sentence: string) => terminal.note(sentence);
    return {
      ...(await openCheckpoint(config, choice, { hub, isModelNamed, note })),
      adapter: null,
    };
  }
  const adapter = resolve(flags.adapter);
  const learner = await openForAdapter(config, adapter, hub);
  try {
    const values = await learner.importAdapter(adapter);
    const origin = await readAdapterOrigin(adapter);
    return { learner, values, adapter, origin, story: {}, proof: proofBeside(adapter) };
  } catch (error) {
    await learner.close();
    throw error;
  }
}

/** Where an adapter came from goes along with it. */
function proofBeside(adapter: string): Proof | null {
  const proof = readProof(adapter);
  if (typeof proof !== "string") return proof;
  throw new KlatchError("data", `${adapter}: ${proof}`, `remove ${PROOF_FILE} to go without it`);
}

/** The learner for an adapter of its own, with that adapter's settings and without data. */
async function openForAdapter(config: Config, adapter: string, hub: HubOptions): Promise<Learner> {
  const { data: _, test: __, ...rest } = learnerOptions(config);
  const settings = await readAdapterSettings(adapter);
  const task = await taskOptions(adapter);
  return await createLearner(
    { ...rest, ...task, adapter: { ...settings, seed: config.run.seed } },
    hub,
  );
}

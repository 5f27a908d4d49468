import { existsSync } from "node:fs";
import { KlatchError } from "../../errors.ts";
import {
  type AdapterOrigin,
  type AdapterStory,
  createLearner,
  type HubOptions,
  type Learner,
  parseHubModel,
} from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { parseConfig } from "../config/load.ts";
import { digestOfState, runDigest } from "../peer/manifest.ts";
import { headOf, type Proof, proofOf } from "../proof/proof-file.ts";
import type { RoundRecord, RunRecord } from "../records/records.ts";
import type { Checkpoint } from "../store/contract.ts";
import { decimals } from "../view/table.ts";
import { PastRuns } from "./past-runs.ts";

/** An adapter of a run with the learner that it fits, and where it came from. */
export interface OpenedCheckpoint {
  readonly learner: Learner;
  readonly values: Float32Array;
  readonly origin: AdapterOrigin | null;
  /** What its folder tells people of it. */
  readonly story: AdapterStory;
  /** Who has signed it, in mode `agreed`; null where nobody has. */
  readonly proof: Proof | null;
  /** Steps of a round, as the run began. */
  readonly steps: number;
  /** The state that the run began from. */
  begin(): Promise<Float32Array>;
}

/** Which checkpoint of a folder: null for the run that was worked on last, and for the newest of a run. */
export interface CheckpointChoice {
  readonly run: string | null;
  readonly round: number | null;
}

export interface OpenHooks {
  readonly hub: HubOptions;
  /** Whether the configuration's model counts, whatever the run says of its own: it may have moved. */
  readonly isModelNamed: boolean;
  /** Told a sentence about what is damaged. */
  readonly note: (sentence: string) => void;
}

/**
 * Opens a checkpoint of a node's folder with the settings that the run had, whatever the configuration has become. A
 * node may run there. The learner is the caller's to close.
 *
 * @throws KlatchError `data` where there is no such checkpoint, `usage` where there is no such run, `incompatible` when
 *   the model is another than the run's, and as the learner does
 */
export async function openCheckpoint(
  config: Config,
  choice: CheckpointChoice,
  hooks: OpenHooks,
): Promise<OpenedCheckpoint> {
  const runs = new PastRuns(config.dataDir, hooks.note);
  try {
    const run = choice.run === null ? runs.ids()[0] : runs.find(choice.run);
    if (run === undefined) throw nothingThere(config.dataDir);
    const record = runs.record(run);
    const settings = record === null ? config : settingsOf(record, config, hooks.isModelNamed);
    const learner = await createLearner(learnerOptions(settings), hooks.hub);
    try {
      // An earlier version wrote no settings down: those of the configuration are right for its own run alone.
      const known = record === null ? runDigest(config.run, learner.info) : run;
      if (record !== null) checkModel(record, learner);
      const checkpoint = readCheckpoint(runs, known, choice.round);
      const { adapter, round } = checkpoint;
      const story = record === null ? {} : storyOf(record, runs.rounds(known), round);
      const proof = record === null ? null : proofAt(runs, record, learner, checkpoint);
      const origin = { runId: known, round, ...(record && modeAndHead(record, proof)) };
      const { steps } = settings.run;
      const begin = () => beginOf(settings, learner);
      return { learner, values: adapter, origin, story, proof, steps, begin };
    } catch (error) {
      await learner.close();
      throw error;
    }
  } finally {
    runs.close();
  }
}

// --- internal ---

/** The configuration with what the run had; model and data may have moved since. */
function settingsOf({ settings, classes }: RunRecord, config: Config, isNamed: boolean): Config {
  const { model, run, data } = settings;
  const hasModel = !isNamed && (parseHubModel(model) !== null || existsSync(model));
  const hasData = data.train.every((file) => existsSync(file));
  const tree = {
    ...config,
    run: { ...run, ...(classes === null ? {} : { classes }) },
    model: hasModel ? model : config.model,
    data: hasData ? data : config.data,
  };
  return parseConfig(tree, config.dataDir, () => `${config.dataDir}, what was kept of the run`);
}

/** The run in short, and how the last round that went into the adapter ended. */
function storyOf(
  { settings, status }: RunRecord,
  rounds: readonly RoundRecord[],
  done: number,
): AdapterStory {
  const last = rounds.find(({ round }) => round === done - 1);
  const heldOut = decimals(last?.heldOutLoss ?? null);
  return {
    run: { name: settings.run.name, rounds: status.rounds, members: status.peers.length + 1 },
    figures: [
      ["loss in training", `${decimals(last?.trainLoss ?? null) ?? "-"} nats, last round`],
      ...(heldOut === null ? [] : [["loss on held-out rows", `${heldOut} nats`] as const]),
    ],
  };
}

/** The proof of a checkpoint: the chain up to its round. */
function proofAt(
  runs: PastRuns,
  { status, terms }: RunRecord,
  { info }: Learner,
  { run, round, memory }: Checkpoint,
): Proof | null {
  if (status.mode !== "agreed" || terms === undefined) return null;
  const chain = runs.chain(run, round);
  if (chain.length < round) {
    throw new KlatchError(
      "data",
      `${runs.folder} has certificates of ${chain.length} rounds, and the adapter is of round ${round}`,
      "`klatch verify` says what is missing",
    );
  }
  const { velocity } = memory;
  const about = { run, terms, layout: info.layout.texts ?? [] };
  return proofOf({ ...about, velocity: velocity ? digestOfState(velocity) : null }, chain);
}

function modeAndHead({ status }: RunRecord, proof: Proof | null) {
  const head = proof === null ? null : headOf(proof);
  return { mode: status.mode, ...(head === null ? {} : { head }) };
}

function beginOf({ init }: Config, learner: Learner): Promise<Float32Array> {
  return init === null ? learner.initialAdapter() : learner.importAdapter(init);
}

function checkModel({ status, settings }: RunRecord, { info }: Learner): void {
  if (status.model.digest === info.modelDigest) return;
  throw new KlatchError(
    "incompatible",
    `the run's base model was ${settings.model} (digest ${status.model.digest.slice(0, 12)}); this one is ${info.modelDigest.slice(0, 12)}`,
    "name that model with --model",
  );
}

function readCheckpoint(runs: PastRuns, run: string, round: number | null): Checkpoint {
  const checkpoint = runs.checkpoint(run, round);
  if (checkpoint !== null) return checkpoint;
  const there = runs.checkpoints(run).map(({ number }) => number);
  if (there.length === 0) throw nothingThere(runs.folder);
  throw new KlatchError(
    "data",
    `there is no checkpoint after round ${round} of run ${run.slice(0, 12)}`,
    `there are those after the rounds ${there.toReversed().join(", ")}: older ones make room`,
  );
}

function nothingThere(folder: string): KlatchError {
  return new KlatchError(
    "data",
    `${folder} holds no checkpoint of this run`,
    "run `klatch start` first, with the same configuration; the first round writes one",
  );
}

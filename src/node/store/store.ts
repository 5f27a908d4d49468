import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { changeFolder, readChanges } from "../membership/change-folder.ts";
import { makeFolder, writeAtomically } from "./atomic-file.ts";
import type { Checkpoint, Store } from "./contract.ts";
import { type FileSystem, fileError, realFileSystem } from "./file-system.ts";
import { Generations } from "./generations.ts";
import { LedgerFile } from "./ledger.ts";
import { lockFolder } from "./lock.ts";
import { fromRoundTraining, toRoundTraining } from "./round-training-files.ts";
import { sealedJson } from "./sealed-json.ts";
import {
  fromCheckpoint,
  fromKeptRound,
  fromUpdate,
  toCheckpoint,
  toKeptRound,
  toUpdate,
} from "./state-files.ts";

/** What a run is, in the run's folder. */
export const RUN_FILE = "run.json";

export interface StoreDeps {
  /** Told one sentence about everything that was damaged or is unsafe. */
  readonly warn?: (sentence: string) => void;
  readonly fs?: FileSystem;
}

/**
 * Opens a data folder for this process alone:
 *
 *     lock.db, lock.pid               one process at a time
 *     ledger.sqlite                   rounds, evidence, results
 *     runs/<run id>/checkpoint-N.klatch, update-N.klatch, training-N.klatch, round-N.klatch
 *     runs/<run id>/run.json          what the run is, for who reads the folder
 *
 * Throws `locked` when another process has it, `permission` or `disk` when it cannot be used.
 */
export function openStore(folder: string, deps: StoreDeps = {}): Store {
  const fs = deps.fs ?? realFileSystem;
  const warn = deps.warn ?? (() => undefined);
  makeFolder(fs, folder);
  warnWhenOpenToOthers(folder, warn);
  const unlock = lockFolder(folder);
  try {
    removeUnfinished(fs, join(folder, "runs"));
    const ledger = new LedgerFile(join(folder, "ledger.sqlite"), warn);
    return assemble(folder, ledger, { fs, warn, unlock });
  } catch (error) {
    unlock();
    throw error;
  }
}

// --- internal ---

function assemble(
  folder: string,
  ledger: LedgerFile,
  { fs, warn, unlock }: { fs: FileSystem; warn: (sentence: string) => void; unlock: () => void },
): Store {
  const files = (
    run: Digest,
    kind: "checkpoint" | "update" | "training" | "round",
    kept?: number,
  ) => {
    if (!/^[0-9a-f]{64}$/.test(run)) {
      throw new KlatchError("internal", `not a run id: ${run}`, "this is a bug in klatch");
    }
    return new Generations(fs, join(folder, "runs", run), kind, kept);
  };
  const trainings = (run: Digest) => files(run, "training", 1);
  return {
    folder,
    loadCheckpoint(run) {
      const generations = files(run, "checkpoint");
      const loaded = loadCheckpoint(generations, run, warn);
      // the record of a checkpoint's round is of the round before it, or of one that the node went on to do
      const [, before] = generations.list();
      if (loaded !== null && ledger.newestRound(run) < (before?.number ?? 0)) {
        warn(`${folder}/ledger.sqlite lacks the newest rounds, which checkpoints are here of`);
      }
      return loaded;
    },
    commitRound: (checkpoint, record) => {
      // The record first: killed in between, the round is done again and its record replaced.
      ledger.appendRound(checkpoint.run, record);
      const checkpoints = files(checkpoint.run, "checkpoint");
      checkpoints.save(checkpoint.round, fromCheckpoint(checkpoint));
      checkpoints.dropAfter(checkpoint.round);
    },
    loadUpdate: (run, round) =>
      files(run, "update").load(round, (record) => toUpdate(record, run, round), warn),
    saveUpdate: (update) => files(update.run, "update").save(update.round, fromUpdate(update)),
    loadTraining: (run, round) =>
      trainings(run).load(round, (record) => toRoundTraining(record, run, round), warn),
    saveTraining: (training) =>
      trainings(training.run).save(training.round, fromRoundTraining(training)),
    keepRound(kept, { rounds, bytes }) {
      const record = fromKeptRound(kept);
      let size = 0;
      for (const { length } of record.sections.values()) size += length;
      const most = Math.min(rounds, Math.floor(bytes / size));
      if (most > 0) files(kept.run, "round", most).save(kept.round, record);
    },
    keptRound: (run, round) =>
      files(run, "round").load(round, (record) => toKeptRound(record, run, round), warn),
    rounds: (run, limit, offset) => ledger.rounds(run, limit, offset),
    appendEvidence: (run, evidence) => ledger.appendEvidence(run, evidence),
    evidence: (run, limit, offset) => ledger.evidence(run, limit, offset),
    appendSaid: (run, height, bytes) => ledger.agreed.appendSaid(run, height, bytes),
    said: (run, height) => ledger.agreed.said(run, height),
    appendChain: (run, blocks) => ledger.agreed.appendChain(run, blocks),
    chain: (run, from, most) => ledger.agreed.chain(run, from, most),
    memberChanges: () => readChanges(changeFolder(folder)),
    saveResult: (run, result) => ledger.saveResult(run, result),
    loadResult: (run) => ledger.loadResult(run),
    saveRun(run, record) {
      const kept = join(folder, "runs", run);
      makeFolder(fs, kept);
      writeAtomically(fs, join(kept, RUN_FILE), [Buffer.from(sealedJson(record))]);
    },
    close: () => {
      ledger.close();
      unlock();
    },
  };
}

function loadCheckpoint(
  generations: Generations,
  run: Digest,
  warn: (sentence: string) => void,
): { readonly checkpoint: Checkpoint; readonly warning: string | null } | null {
  const sentences: string[] = [];
  const checkpoint = generations.loadNewest(
    (record, round) => toCheckpoint(record, run, round),
    (sentence) => {
      sentences.push(sentence);
      warn(sentence);
    },
  );
  if (checkpoint === null) return null;
  const { round } = checkpoint;
  const warning = `${sentences.join("; ")}; going on from the checkpoint after round ${round}`;
  return { checkpoint, warning: sentences.length === 0 ? null : warning };
}

function removeUnfinished(fs: FileSystem, runs: string): void {
  if (!existsSync(runs)) return;
  try {
    for (const run of fs.readdirSync(runs)) new Generations(fs, join(runs, run), "any").clean();
  } catch (error) {
    throw fileError(error, runs);
  }
}

function warnWhenOpenToOthers(folder: string, warn: (sentence: string) => void): void {
  if ((statSync(folder).mode & 0o077) !== 0) {
    warn(`${folder} can be read by other users of this machine: chmod 700 it`);
  }
}

import type { Digest } from "../../types.ts";
import { changes } from "../acquaintance/mismatch.ts";
import { settingsOf } from "../acquaintance/self-description.ts";
import type { Config } from "../config/config.ts";
import { modeOf } from "../config/mode-of.ts";
import { membersOf } from "../proof/run-terms.ts";
import type { RunRecord } from "../records/records.ts";
import { PastRuns } from "./past-runs.ts";

/** Why a node begins anew where its folder holds another run, and where that run's adapter is. */
export interface NewRun {
  /** What is another than in the last run, as `key old -> new`. */
  readonly changed: readonly string[];
  readonly lastRun: Digest;
  /** The command that writes the last run's adapter. */
  readonly lastAdapter: string;
}

/** Null where the run goes on, and where there was none before. */
export function newRunOf(config: Config, run: Digest): NewRun | null {
  const runs = new PastRuns(config.dataDir, () => undefined);
  try {
    if (runs.checkpoints(run).length > 0) return null;
    const lastRun = runs.ids().find((id) => id !== run);
    if (lastRun === undefined) return null;
    const record = runs.record(lastRun);
    const { model } = record?.settings ?? config;
    // with what auto stands for, where the node has begun
    const now = runs.record(run)?.settings.run ?? config.run;
    const changed = [
      ...(model === config.model ? [] : [`model ${model} -> ${config.model}`]),
      ...(record === null ? [] : changes(settingsOf(record.settings.run), settingsOf(now))),
      ...(record === null ? [] : membersChanged(record, config)),
    ];
    const lastAdapter = `klatch export --run ${lastRun.slice(0, 12)} --out FOLDER`;
    return { changed, lastRun, lastAdapter };
  } finally {
    runs.close();
  }
}

// --- internal ---

/** In mode agreed other members make another run. */
function membersChanged({ terms }: RunRecord, { run }: Config): readonly string[] {
  const before = terms === undefined ? null : membersOf(terms);
  if (before === null || modeOf(run) !== "agreed") return [];
  const [old, now] = [new Set(before), new Set(run.members)];
  return [
    ...before.filter((peer) => !now.has(peer)).map((peer) => `run.members -${peer}`),
    ...run.members.filter((peer) => !old.has(peer)).map((peer) => `run.members +${peer}`),
  ];
}

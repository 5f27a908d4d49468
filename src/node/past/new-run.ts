import type { Digest } from "../../types.ts";
import { changes } from "../acquaintance/mismatch.ts";
import { settingsOf } from "../acquaintance/self-description.ts";
import type { Config } from "../config/config.ts";
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
    const changed = [
      ...(model === config.model ? [] : [`model ${model} -> ${config.model}`]),
      ...(record === null ? [] : changes(settingsOf(record.settings.run), settingsOf(config.run))),
    ];
    const lastAdapter = `klatch export --run ${lastRun.slice(0, 12)} --out FOLDER`;
    return { changed, lastRun, lastAdapter };
  } finally {
    runs.close();
  }
}

import { type Command, Option } from "commander";
import type { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { addConfigOptions, configOf } from "../commands/config-options.ts";
import {
  answers,
  askUrl,
  configuredUrl,
  StartingError,
  tokenIn,
  writtenUrl,
} from "../http/status-client.ts";
import { requireToken } from "../http/status-token.ts";
import type { NodeStatus } from "../records/records.ts";
import { toldStatus } from "../records/told.ts";
import type { Terminal } from "../view/terminal.ts";
import { PastRuns } from "./past-runs.ts";
import { stoppedStatus } from "./stopped-status.ts";

/** Adds the flags of commands that tell of a node: one that runs, or one that left its folder behind. */
export function addNodeOptions(command: Command): void {
  addConfigOptions(command, (key) => ["dataDir", "status.host", "status.port"].includes(key));
  command.addOption(new Option("--url <url>", "status endpoint of the node to ask"));
  command.addOption(
    new Option(
      "--token-file <file>",
      "what the endpoint at --url is shown, where it asks for a token",
    ),
  );
  command.addOption(new Option("--run <id>", "a run of the folder, by the beginning of its id"));
  command.addOption(new Option("--json", "print one JSON document"));
}

/** One run of a folder. */
export interface PastRun {
  readonly runs: PastRuns;
  readonly run: Digest;
}

/**
 * Asks the node of this command's configuration where it runs; where none does, its folder is read, and a note says
 * so. The address that a node wrote down counts for as long as that node answers there, and not another.
 *
 * @throws KlatchError `network` when no node answers and the folder holds no run
 */
export async function askNodeOrFolder<T>(
  command: Command,
  terminal: Terminal,
  {
    path,
    schema,
    past,
  }: {
    readonly path: string;
    readonly schema: z.ZodType<T>;
    readonly past: (past: PastRun) => T;
  },
): Promise<T> {
  const { url, run, tokenFile } = command.opts<{
    url?: string;
    run?: string;
    tokenFile?: string;
  }>();
  if (url !== undefined) {
    return askUrl(url, path, schema, tokenFile === undefined ? null : requireToken(tokenFile));
  }
  const config = configOf(command);
  const runs = new PastRuns(config.dataDir, (sentence) => terminal.note(sentence));
  try {
    if (run !== undefined) return past({ runs, run: runs.find(run) });
    const living = await livingNode(config.dataDir, runs);
    const token = tokenIn(config.dataDir);
    if (living !== null) return await askUrl(living.url, path, schema, token);
    const [newest] = runs.ids();
    if (newest === undefined)
      return await askUrl(configuredUrl(config.status), path, schema, token);
    terminal.note(`no node answers here: this is what ${config.dataDir} holds`);
    return past({ runs, run: newest });
  } finally {
    runs.close();
  }
}

/** The node that runs on a folder, and where it answers; null when none does. */
export async function livingNode(
  dataDir: string,
  runs: PastRuns,
): Promise<{ readonly url: string; readonly status: NodeStatus } | null> {
  const url = writtenUrl(dataDir);
  if (url === null) return null;
  try {
    const status = await askUrl(url, "status", answers.status, tokenIn(dataDir));
    const kept = runs.record(status.run)?.status.peerId;
    // After a crash another node may have taken the port.
    return kept === undefined || kept === status.peerId ? { url, status } : null;
  } catch (error) {
    const isGone = error instanceof KlatchError && error.code === "network";
    if (isGone && !(error instanceof StartingError)) return null;
    throw error;
  }
}

/**
 * The status that a run's remains tell, as a node would.
 *
 * @throws KlatchError `data` of a run by a version that wrote none down
 */
export function pastStatus({ runs, run }: PastRun): NodeStatus {
  const record = runs.record(run);
  if (record === null) {
    throw new KlatchError(
      "data",
      `${runs.folder} does not say what run ${run.slice(0, 12)} was`,
      "`klatch rounds` tells what is known of it",
    );
  }
  const rounds = runs.rounds(run);
  const roundsDone = runs.checkpoints(run)[0]?.number ?? 0;
  return toldStatus(stoppedStatus({ record, roundsDone, rounds, result: runs.result(run) }));
}

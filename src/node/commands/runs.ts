import type { Command } from "commander";
import type { Digest, Evaluation, PeerId, RunMode } from "../../types.ts";
import { livingNode } from "../past/node-or-folder.ts";
import { PastRuns } from "../past/past-runs.ts";
import { countMixed } from "../past/stopped-status.ts";
import type { NodeStatus } from "../records/records.ts";
import { decimals, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

/** Characters of a run id that tell runs apart, and that `--run` takes. */
export const RUN_SHORT = 12;

const HEADERS = [
  "run",
  "name",
  "state",
  "rounds",
  "train",
  "held out",
  "last (UTC)",
  "checkpoints",
];

/** `klatch runs`: the runs of this node's folder, the last one first, and the checkpoints that there are of each. */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command, (key) => key === "dataDir");
  command.option("--json", "print one JSON document").action(async ({ json }) => {
    const { dataDir } = configOf(command);
    const runs = new PastRuns(dataDir, (sentence) => terminal.note(sentence));
    try {
      const living = await livingNode(dataDir, runs);
      const list = runs.ids().map((run) => describeRun(runs, run, living?.status.run === run));
      if (json === true) return terminal.json(list);
      if (list.length === 0) return terminal.line(`${dataDir} holds no run`);
      for (const line of table(HEADERS, list.map(row))) terminal.line(line);
    } finally {
      runs.close();
    }
  });
}

// --- internal ---

/** One run as `klatch runs --json` tells it; null where an earlier version noted nothing. */
interface RunSummary {
  readonly run: Digest;
  readonly name: string | null;
  readonly mode: RunMode | null;
  readonly state: "running" | "finished" | "stopped";
  readonly peerId: PeerId | null;
  readonly members: number | null;
  readonly model: ({ readonly name: string } & NodeStatus["model"]) | null;
  readonly startedAt: number | null;
  readonly lastAt: number | null;
  /** Planned rounds. */
  readonly rounds: number | null;
  readonly roundsDone: number;
  readonly mixedRounds: number;
  readonly soloRounds: number;
  readonly trainLoss: number | null;
  readonly heldOutLoss: number | null;
  readonly evaluation: Evaluation | null;
  /** Newest first; `round` rounds went into each. */
  readonly checkpoints: readonly {
    readonly round: number;
    readonly bytes: number;
    readonly savedAt: number;
    readonly file: string;
  }[];
}

function describeRun(runs: PastRuns, run: Digest, isRunning: boolean): RunSummary {
  const record = runs.record(run);
  const rounds = runs.rounds(run);
  const result = runs.result(run);
  const last = rounds.at(-1);
  const checkpoints = runs
    .checkpoints(run)
    .map(({ number, bytes, savedAt, file }) => ({ round: number, bytes, savedAt, file }));
  return {
    run,
    name: record?.settings.run.name ?? null,
    mode: record?.status.mode ?? null,
    state: isRunning ? "running" : result === null ? "stopped" : "finished",
    peerId: record?.status.peerId ?? null,
    members: record === null ? null : record.status.peers.length + 1,
    model: record && { name: record.settings.model, ...record.status.model },
    startedAt: rounds[0]?.startedAt ?? record?.status.startedAt ?? null,
    lastAt: last?.endedAt ?? record?.savedAt ?? null,
    rounds: record?.status.rounds ?? result?.rounds ?? null,
    roundsDone: checkpoints[0]?.round ?? 0,
    ...countMixed(rounds),
    trainLoss: last?.trainLoss ?? null,
    heldOutLoss: last?.heldOutLoss ?? null,
    evaluation: result?.evaluation ?? null,
    checkpoints,
  };
}

function row(summary: RunSummary): readonly (string | null)[] {
  const { run, name, state, roundsDone, rounds, trainLoss, heldOutLoss, lastAt } = summary;
  const time = lastAt === null ? null : new Date(lastAt).toISOString().slice(0, 16);
  return [
    run.slice(0, RUN_SHORT),
    name,
    state,
    rounds === null ? String(roundsDone) : `${roundsDone} of ${rounds}`,
    decimals(trainLoss),
    decimals(heldOutLoss),
    time?.replace("T", " ") ?? null,
    summary.checkpoints.map(({ round }) => round).join(" ") || null,
  ];
}

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { RunMode } from "../../types.ts";
import { checkOutFolder } from "../folders/out-folder.ts";
import { answers } from "../http/status-client.ts";
import { addNodeOptions, askNodeOrFolder } from "../past/node-or-folder.ts";
import type { RoundRecord } from "../records/records.ts";
import { toldRecord } from "../records/told.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { realFileSystem } from "../store/file-system.ts";
import { csvLine } from "../view/csv.ts";
import { eventFile, type Scalars } from "../view/event-file.ts";
import { bytes, decidedText, decimals, rolledBackText, short, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { wholeNumber } from "./number-flags.ts";

const FIRST = ["round", "ended (UTC)", "seconds", "train", "held out"];
const TRAFFIC = ["sent", "received"];
const HEADERS = {
  gossip: [...FIRST, "mixed", ...TRAFFIC, "refused"],
  agreed: [...FIRST, "cut", "own share", "view", "certificate", ...TRAFFIC],
} as const;

const COLUMNS_OF_BOTH = [
  ...["round", "started", "ended", "train_loss", "held_out_loss", "announced", "mixed", "refused"],
  ...["bytes_sent", "bytes_received"],
];
const COLUMNS_OF_AGREED = {
  ...{ cut: "cut", share: "own_share", view: "view", blockBytes: "block_bytes" },
  ...{ certificateBytes: "certificate_bytes", certificateMs: "certificate_ms" },
} as const;
const COLUMNS = {
  gossip: COLUMNS_OF_BOTH,
  agreed: [...COLUMNS_OF_BOTH, ...Object.values(COLUMNS_OF_AGREED)],
} as const;

/** `klatch rounds`: the last rounds of the node, oldest first. */
export function define(command: Command, terminal: Terminal): void {
  addNodeOptions(command);
  command.option("--limit <n>", "rounds to show, 1 to 1000", wholeNumber(1, 1000), 20);
  command.option("--csv", "print CSV, for a table or a plot");
  command.option(
    "--tensorboard <folder>",
    "write them as a TensorBoard event file into the folder",
  );
  command.option("--offset <n>", "rounds to leave out, the newest", wholeNumber(0, 1e9), 0);
  command.action(async () => {
    const { limit, offset, ...how } = command.opts<Flags>();
    const rounds = await askNodeOrFolder(command, terminal, {
      path: `rounds?limit=${limit}&offset=${offset}`,
      schema: answers.rounds,
      past: ({ runs, run }) => runs.rounds(run, limit, offset).map(toldRecord),
    });
    if (how.tensorboard !== undefined) tellEvents(how.tensorboard, rounds, how, terminal);
    else if (how.json === true) terminal.json(rounds);
    else for (const line of linesOf(rounds, how)) terminal.line(line);
  });
}

// --- internal ---

/** As CSV, or as a table with what happened to the members below. */
function linesOf(rounds: readonly RoundRecord[], { csv }: Pick<Flags, "csv">): readonly string[] {
  const mode = rounds.some(({ agreed }) => agreed !== undefined) ? "agreed" : "gossip";
  if (csv === true) {
    const lines = [COLUMNS[mode], ...rounds.map((round) => cells(round, mode))];
    return lines.map((line) => csvLine(line).trimEnd());
  }
  return [...table(HEADERS[mode], rounds.map(ROWS[mode])), ...rounds.flatMap(memberLines)];
}

function tellEvents(
  folder: string,
  rounds: readonly RoundRecord[],
  { json }: Pick<Flags, "json">,
  terminal: Terminal,
): void {
  const file = writeEvents(resolve(folder), rounds);
  if (json === true) terminal.json({ file });
  else terminal.line(`written to ${file}`);
}

/** One file for a run, however often it is asked for: TensorBoard shows the curves of all in a folder. */
function writeEvents(folder: string, rounds: readonly RoundRecord[]): string {
  checkOutFolder(folder);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "events.out.tfevents.0.klatch");
  writeAtomically(realFileSystem, file, [eventFile(rounds.map(scalarsOf))]);
  return file;
}

function scalarsOf(round: RoundRecord): Scalars {
  const { trainLoss, heldOutLoss, agreed, bytesSent, bytesReceived, startedAt, endedAt } = round;
  return {
    step: round.round,
    at: endedAt,
    values: {
      "loss/training": trainLoss,
      "loss/held_out": heldOutLoss ?? Number.NaN,
      "round/seconds": (endedAt - startedAt) / 1000,
      "round/mixed": round.mixed.length,
      "round/refused": round.refused.length,
      "bytes/sent": bytesSent,
      "bytes/received": bytesReceived,
      "agreed/view": agreed?.view ?? Number.NaN,
      "agreed/certificate_seconds": (agreed?.certificateMs ?? Number.NaN) / 1000,
    },
  };
}

type Cells = readonly (string | number | null)[];

/** A line of the table. */
const ROWS: Readonly<Record<RunMode, (round: RoundRecord) => Cells>> = {
  gossip: (round) => [
    ...firstCells(round),
    `${round.mixed.length} of ${round.announced.length}`,
    ...trafficCells(round),
    round.refused.map(({ peer, reason }) => `${short(peer)} ${reason}`).join(", "),
  ],
  agreed: (round) => [...firstCells(round), ...agreedCells(round), ...trafficCells(round)],
};

function firstCells(round: RoundRecord): Cells {
  return [
    round.round,
    new Date(round.endedAt).toISOString().slice(0, 19),
    Number(((round.endedAt - round.startedAt) / 1000).toFixed(1)),
    decimals(round.trainLoss),
    decimals(round.heldOutLoss),
  ];
}

/** Whose updates counted, this node's part, the view that ended the round, and the size and time of the certificate. */
function agreedCells({ agreed }: RoundRecord): Cells {
  if (agreed === undefined) return [null, null, null, null];
  const { cut, share, view, certificateBytes, certificateMs } = agreed;
  const took = certificateMs === null ? "" : `, ${(certificateMs / 1000).toFixed(1)} s`;
  const own = share === 0 ? null : Number(share.toFixed(3));
  return [cut, own, view, `${bytes(certificateBytes)}${took}`];
}

/** Who became a member with a round, who is none any more, and what the members decided about the run. */
function memberLines({ round, agreed }: RoundRecord): readonly string[] {
  const { joined = [], left = [], evicted = [], decided = null, rolledBack } = agreed ?? {};
  return [
    ...joined.map((peer) => `after round ${round} ${peer} is a member`),
    ...left.map((peer) => `after round ${round} ${peer} is no member any more`),
    ...evicted.map((peer) => `after round ${round} ${peer} is put out: by what it signed or sent`),
    ...(decided === null ? [] : [`after round ${round} the run has ${decidedText(decided)}`]),
    ...(rolledBack === undefined
      ? []
      : [`after round ${round} the adapter is ${rolledBackText(rolledBack)}`]),
  ];
}

function trafficCells({ bytesSent, bytesReceived }: RoundRecord): Cells {
  return [bytes(bytesSent), bytes(bytesReceived)];
}

const keysOfAgreed = Object.keys(COLUMNS_OF_AGREED) as (keyof typeof COLUMNS_OF_AGREED)[];

/** A round as a line of CSV; times are in UTC. */
function cells(round: RoundRecord, mode: RunMode): Cells {
  return [
    round.round,
    new Date(round.startedAt).toISOString(),
    new Date(round.endedAt).toISOString(),
    round.trainLoss,
    round.heldOutLoss,
    round.announced.length,
    round.mixed.length,
    round.refused.length,
    round.bytesSent,
    round.bytesReceived,
    ...(mode === "agreed" ? keysOfAgreed.map((key) => round.agreed?.[key] ?? null) : []),
  ];
}

interface Flags {
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly tensorboard?: string;
  readonly limit: number;
  readonly offset: number;
}

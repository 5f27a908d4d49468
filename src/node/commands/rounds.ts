import type { Command } from "commander";
import { answers } from "../http/status-client.ts";
import { addNodeOptions, askNodeOrFolder } from "../past/node-or-folder.ts";
import type { RoundRecord } from "../records/records.ts";
import { toldRecord } from "../records/told.ts";
import { csvLine } from "../view/csv.ts";
import { bytes, decimals, short, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { wholeNumber } from "./number-flags.ts";

const HEADERS = [
  "round",
  "ended (UTC)",
  "seconds",
  "train",
  "held out",
  "mixed",
  "sent",
  "received",
  "refused",
];

const COLUMNS = [
  ...["round", "started", "ended", "train_loss", "held_out_loss", "announced", "mixed", "refused"],
  ...["bytes_sent", "bytes_received"],
];

/** `klatch rounds`: the last rounds of the node, oldest first. */
export function define(command: Command, terminal: Terminal): void {
  addNodeOptions(command);
  command.option("--limit <n>", "rounds to show, 1 to 1000", wholeNumber(1, 1000), 20);
  command.option("--csv", "print CSV, for a table or a plot");
  command.option("--offset <n>", "rounds to leave out, the newest", wholeNumber(0, 1e9), 0);
  command.action(async () => {
    const { json, csv, limit, offset } = command.opts<Flags>();
    const rounds = await askNodeOrFolder(command, terminal, {
      path: `rounds?limit=${limit}&offset=${offset}`,
      schema: answers.rounds,
      past: ({ runs, run }) => runs.rounds(run, limit, offset).map(toldRecord),
    });
    if (json === true) return terminal.json(rounds);
    if (csv === true) {
      for (const line of [COLUMNS, ...rounds.map(cells)]) terminal.line(csvLine(line).trimEnd());
      return;
    }
    const rows = rounds.map((round) => [
      round.round,
      new Date(round.endedAt).toISOString().slice(0, 19),
      Number(((round.endedAt - round.startedAt) / 1000).toFixed(1)),
      decimals(round.trainLoss),
      decimals(round.heldOutLoss),
      `${round.mixed.length} of ${round.announced.length}`,
      bytes(round.bytesSent),
      bytes(round.bytesReceived),
      round.refused.map(({ peer, reason }) => `${short(peer)} ${reason}`).join(", "),
    ]);
    for (const line of table(HEADERS, rows)) terminal.line(line);
  });
}

// --- internal ---

/** A round as a line of CSV; times are in UTC. */
function cells(round: RoundRecord): readonly (string | number | null)[] {
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
  ];
}

interface Flags {
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly limit: number;
  readonly offset: number;
}

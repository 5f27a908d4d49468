import { type Command, InvalidArgumentError } from "commander";
import { answers } from "../http/status-client.ts";
import { addNodeOptions, askNodeOrFolder } from "../past/node-or-folder.ts";
import { bytes, decimals, short, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";

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

/** `klatch rounds`: the last rounds of the node, oldest first. */
export function define(command: Command, terminal: Terminal): void {
  addNodeOptions(command);
  command.option("--limit <n>", "rounds to show, 1 to 1000", parseLimit, 20);
  command.action(async () => {
    const { json, limit } = command.opts<{ json?: boolean; limit: number }>();
    const rounds = await askNodeOrFolder(command, terminal, {
      path: `rounds?limit=${limit}`,
      schema: answers.rounds,
      past: ({ runs, run }) => [...runs.rounds(run, limit)],
    });
    if (json === true) return terminal.json(rounds);
    const rows = rounds.map((round) => [
      round.round + 1,
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

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new InvalidArgumentError("expected a whole number from 1 to 1000.");
}

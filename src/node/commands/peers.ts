import type { Command } from "commander";
import { addClientOptions, answers, ask } from "../http/status-client.ts";
import { short, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";

const HEADERS = [
  "peer",
  "connected",
  "neighbour",
  "standing",
  "score",
  "round",
  "ping ms",
  "last refusal",
];

/** `klatch peers`: the other members, as the running node sees them. */
export function define(command: Command, terminal: Terminal): void {
  addClientOptions(command);
  command.option("--full", "show peer ids in full");
  command.action(async () => {
    const peers = await ask(command, "peers", answers.peers);
    const { json, full } = command.opts<{ json?: boolean; full?: boolean }>();
    if (json === true) return terminal.json(peers);
    const rows = peers.map((peer) => [
      full === true ? peer.peer : short(peer.peer),
      peer.connected ? "yes" : "no",
      peer.neighbour ? "yes" : "no",
      peer.standing,
      Number(peer.score.toFixed(2)),
      peer.round === null ? null : peer.round + 1,
      peer.roundTripMs === null ? null : Math.round(peer.roundTripMs),
      peer.lastReason,
    ]);
    for (const line of table(HEADERS, rows)) terminal.line(line);
  });
}

import type { Command } from "commander";
import { answers } from "../http/status-client.ts";
import { addNodeOptions, askNodeOrFolder, pastStatus } from "../past/node-or-folder.ts";
import type { NodeStatus, PeerStatus } from "../records/records.ts";
import { short, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";

const HEADERS = [
  "peer",
  "connected",
  "neighbour",
  "standing",
  "score",
  "against",
  "round",
  "ping ms",
  "why not mixed",
];

/** `klatch peers`: the other members, as the node sees them, or saw them when it stopped. */
export function define(command: Command, terminal: Terminal): void {
  addNodeOptions(command);
  command.option("--full", "show peer ids in full");
  command.action(async () => {
    const source = { path: "status", schema: answers.status, past: pastStatus };
    const { peers, strangers } = await askNodeOrFolder<NodeStatus>(command, terminal, source);
    const { json, full } = command.opts<{ json?: boolean; full?: boolean }>();
    if (json === true) return terminal.json(peers);
    const name = (peer: string) => (full === true ? peer : short(peer));
    for (const line of table(
      HEADERS,
      peers.map((peer) => row(peer, name)),
    ))
      terminal.line(line);
    for (const { peer, notes } of peers) {
      for (const note of notes) terminal.line(`${name(peer)} ${note}`);
    }
    for (const peer of strangers) terminal.line(`${peer} knocks, and is not in run.members`);
  });
}

// --- internal ---

function row(
  peer: PeerStatus,
  name: (peer: string) => string,
): readonly (string | number | null)[] {
  return [
    name(peer.peer),
    peer.connected ? "yes" : "no",
    peer.neighbour ? "yes" : "no",
    peer.standing,
    Number(peer.score.toFixed(2)),
    against(peer),
    peer.round,
    peer.roundTripMs === null ? null : Math.round(peer.roundTripMs),
    peer.reason,
  ];
}

/** What vetoes amount to, and where they isolate. */
function against({ opinion }: PeerStatus): string | null {
  if (opinion === null) return null;
  const { evidence, bound } = opinion;
  return bound === null ? evidence.toPrecision(2) : `${evidence.toPrecision(2)} of ${bound}`;
}

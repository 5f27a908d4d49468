/**
 * A status endpoint by itself, for `scripts/status-figures.ts`: shows a status that was copied, tells events at a rate and
 * keeps rounds. Takes commands on standard input, one JSON object a line, and answers each with one.
 *
 *   node --expose-gc scripts/status-figures/teller.ts FOLDER STATUS.json
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { parseConfig } from "../../src/node/config/load.ts";
import { EventLog } from "../../src/node/http/event-log.ts";
import { createStatusServer } from "../../src/node/http/status-server.ts";
import { createMetrics } from "../../src/node/peer/metrics.ts";
import { nodeStatusSchema } from "../../src/node/records/record-schemas.ts";
import type { NodeStatus, RoundRecord } from "../../src/node/records/records.ts";
import { LedgerFile } from "../../src/node/store/ledger.ts";

/** What it is asked to do. */
export type Command =
  | { readonly do: "tell"; readonly events: number; readonly everyMs: number }
  | { readonly do: "keep"; readonly rounds: number };

const MACHINE = {
  ...{ engine: "none", parameters: 0, adapterValues: 0 },
  training: { weights: 0, activations: 0, optimiser: 0, total: 0, available: 0 },
};

const [folder = "", statusFile = ""] = process.argv.slice(2);
const status = nodeStatusSchema.parse(
  JSON.parse(readFileSync(statusFile, "utf8")),
) as unknown as NodeStatus;
const ledger = new LedgerFile(`${folder}/ledger.sqlite`, (sentence) => {
  throw new Error(sentence);
});
const events = new EventLog();
let kept = 0;
const { run } = status;
const server = createStatusServer(parseConfig({ status: { port: 0 } }, folder).status, {
  source: {
    status: () => status,
    rounds: (limit, offset) => ledger.rounds(run, limit, offset),
    ...{ evidence: () => [], chain: () => [], machine: () => MACHINE },
  },
  ...{ metrics: createMetrics(), events, dataDir: folder },
});
await server.start(new AbortController().signal);
answer({ url: server.url, pid: process.pid });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  if (command.do === "tell") await tell(command.events, command.everyMs);
  else keep(command.rounds);
  answer({ kept, ...memory() });
}
await server.stop();
ledger.close();

// --- internal ---

async function tell(count: number, everyMs: number): Promise<void> {
  const from = performance.now();
  for (let event = 0; event < count; event += 1) {
    await delay(Math.max(0, from + event * everyMs - performance.now()));
    events.tell({ type: "phase", round: event, phase: "fetch", at: Date.now() });
  }
}

/** Keeps so many rounds more, each told as the node does. */
function keep(rounds: number): void {
  for (let each = 0; each < rounds; each += 1) {
    const record = recordOf(kept);
    ledger.appendRound(run, record);
    events.tell({ type: "round", ...record });
    kept += 1;
  }
}

function recordOf(round: number): RoundRecord {
  const peers = status.peers.map(({ peer }) => peer);
  const share = 1 / (peers.length + 1);
  return {
    ...{ round, startedAt: 1e12 + round, endedAt: 1e12 + round + 1, trainLoss: 1 / (round + 1) },
    ...{ heldOutLoss: null, announced: peers, mixed: peers.map((peer) => ({ peer, share })) },
    ...{ refused: [], bytesSent: 1, bytesReceived: 1 },
  };
}

function memory(): { readonly heap: number; readonly rss: number } {
  globalThis.gc?.();
  const { heapUsed: heap, rss } = process.memoryUsage();
  return { heap, rss };
}

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

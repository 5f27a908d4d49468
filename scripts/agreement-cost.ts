/**
 * What agreement costs: time from a quorum of ballots to the certificate, and bytes, of simulated members that run the real
 * driver over links of 5 to 100 ms. Their updates are of 16 numbers, so that nearly all bytes are those of agreement;
 * every message goes to everybody directly, each once. With `--silent 1` one member says nothing: a view is lost when its
 * turn to propose comes.
 *
 *   node scripts/agreement-cost.ts --members 4,10,50 [--rounds 6] [--silent 0] [--seed 1] [--json]
 */
import { parseArgs } from "node:util";
import { table } from "../src/node/view/table.ts";
import { Simulation } from "../testnet/simulation/simulation.ts";

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "4,10,50" },
    rounds: { type: "string", default: "6" },
    silent: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

interface Cost {
  readonly members: number;
  /** Milliseconds of virtual time. */
  readonly medianMs: number;
  readonly worstMs: number;
  readonly viewsLost: number;
  readonly bytesPerRound: number;
  readonly blockBytes: number;
  readonly certificateBytes: number;
  readonly seconds: number;
}

async function costOf(members: number): Promise<Cost> {
  const started = performance.now();
  const rounds = Number(values.rounds);
  const silent = Array.from({ length: Number(values.silent) }, (_, i) => members - 1 - i);
  const simulation = new Simulation({
    ...{ seed: Number(values.seed), peers: members, rounds, mode: "agreed", gate: false },
    faults: silent.map((peer) => ({ kind: "crash", peer, at: 2500, backAfter: null })),
  });
  await simulation.run();
  const records = simulation.watched.flatMap((peer) => peer.rounds);
  const facts = records.flatMap(({ agreed }) => agreed ?? []);
  const times = facts.flatMap(({ certificateMs }) => certificateMs ?? []).sort((a, b) => a - b);
  const received = records.map(({ bytesReceived }) => bytesReceived);
  return {
    members,
    medianMs: times[times.length >> 1] ?? Number.NaN,
    worstMs: times.at(-1) ?? Number.NaN,
    viewsLost: Math.max(...facts.map(({ view }) => view)),
    bytesPerRound: Math.round(mean(received)),
    blockBytes: Math.max(...facts.map(({ blockBytes }) => blockBytes)),
    certificateBytes: Math.max(...facts.map(({ certificateBytes }) => certificateBytes)),
    seconds: (performance.now() - started) / 1000,
  };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}

const costs: Cost[] = [];
for (const members of values.members.split(",")) costs.push(await costOf(Number(members)));
if (values.json) process.stdout.write(`${JSON.stringify(costs)}\n`);
else {
  const rows = costs.map((cost) => Object.values(cost).map((value: number) => Math.round(value)));
  process.stdout.write(`${table(Object.keys(costs[0] ?? {}), rows).join("\n")}\n`);
}

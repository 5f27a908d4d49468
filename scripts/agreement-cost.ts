/**
 * What agreement costs: time from a quorum of ballots to the certificate, and bytes, of simulated members that run the real
 * driver over links of 5 to 100 ms. Their updates are of 16 numbers, so that nearly all bytes are those of agreement;
 * every message goes to everybody directly, each once; inventories of exchanges are counted. With `--silent 1` one member says nothing: a view is lost when its
 * turn to propose comes.
 *
 *   node scripts/agreement-cost.ts --members 4,10,50 [--rounds 6] [--silent 0] [--seed 1] [--json]
 */
import { parseArgs } from "node:util";
import { table } from "../src/node/view/table.ts";
import { type Cost, costOf } from "../testnet/simulation/agreed/cost.ts";

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "4,10,50" },
    rounds: { type: "string", default: "6" },
    silent: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

const costs: Cost[] = [];
const [rounds, silent, seed] = [values.rounds, values.silent, values.seed].map(Number);
for (const members of values.members.split(",").map(Number)) {
  costs.push(await costOf({ members, rounds, silent, seed }));
}
if (values.json) process.stdout.write(`${JSON.stringify(costs)}\n`);
else {
  const rows = costs.map((cost) => Object.values(cost).map((value: number) => Math.round(value)));
  process.stdout.write(`${table(Object.keys(costs[0] ?? {}), rows).join("\n")}\n`);
}

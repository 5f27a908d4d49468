/**
 * Runs the protocol through many hostile schedules in virtual time: dishonest members, lost and late messages, partitions,
 * restarts from disk. Two final blocks at one height are a conflict; an honest member that never gets to the end is
 * stalled. Exits with 1 when there is either.
 *
 *   node scripts/schedules.ts --mode agreed --schedules 100000 [--seed 1] [--json]
 */
import { parseArgs } from "node:util";
import { runSchedules } from "../testnet/simulation/agreed/schedules.ts";

const { values } = parseArgs({
  options: {
    mode: { type: "string", default: "agreed" },
    schedules: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
if (values.mode !== "agreed") throw new Error("--mode agreed is the one that is certified");

const started = performance.now();
const result = runSchedules(Number(values.schedules), Number(values.seed));
const report = {
  schedules: result.schedules,
  conflicts: result.conflicts.length,
  stalled: result.stalled.length,
  accused: result.accused.length,
  blocks: result.blocks,
  views: result.views,
  seconds: (performance.now() - started) / 1000,
  seeds: [...result.conflicts, ...result.stalled, ...result.accused].slice(0, 20),
};
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  for (const [name, value] of Object.entries(report)) {
    process.stdout.write(`${name.padEnd(10)} ${String(value)}\n`);
  }
}
process.exitCode = report.conflicts + report.stalled + report.accused === 0 ? 0 : 1;

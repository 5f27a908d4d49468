/**
 * Kills a real process with SIGKILL at twelve named points of a round in mode agreed, starts it again, and lets it and three
 * others come to the end: all must have one chain and one state, and nobody may have been caught in a contradiction. Network,
 * clock, store and driver are real; what is learned is quadratic, which takes no time.
 *
 *   node scripts/kill-points.ts [--seeds 3] [--only POINT] [--folder FOLDER]
 *
 * A seed draws the task and at which of its calls the process dies. Prints one JSON object. Exits with 1 on any fault.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { printRunIn } from "./in-folder.ts";
import { type KilledRun, runKilled } from "./kill-points/killed-run.ts";
import { KILL_POINTS, type KillPoint } from "./kill-points/points.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "3" },
    only: { type: "string" },
    folder: { type: "string" },
  },
});

await printRunIn({ folder: values.folder, prefix: "klatch-kill-points-" }, killAll, isSound);

// --- internal ---

async function killAll(folder: string, say: (line: string) => void): Promise<readonly KilledRun[]> {
  const runs: KilledRun[] = [];
  const points = Object.keys(KILL_POINTS) as KillPoint[];
  for (const point of points.filter((each) => (values.only ?? each) === each)) {
    for (let seed = 1; seed <= Number(values.seeds); seed += 1) {
      const run = await runKilled(join(folder, `${runs.length}`), point, seed);
      say(JSON.stringify(run));
      runs.push(run);
    }
  }
  return runs;
}

function isSound(runs: readonly KilledRun[]): boolean {
  return runs.every(({ faults }) => faults.length === 0);
}

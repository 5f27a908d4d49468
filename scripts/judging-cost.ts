/**
 * What judging others' updates costs beside a round's training, with ten neighbours, on one thread.
 *
 *   node scripts/judging-cost.ts --model DIR --data DIR [--steps 20] [--updates 10] [--rows 8,32] [--repeats 7]
 *
 * Training and every way to judge take turns. Of each the median of milliseconds of processor time, and of its share of the training
 * before it, with the least and the greatest.
 */
import { parseArgs } from "node:util";
import { medianOf } from "../src/consensus/index.ts";
import { rowsToJudge } from "../src/reputation/index.ts";
import type { Learner } from "../src/training/index.ts";
import { openRun } from "./judging/snapshots.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    steps: { type: "string", default: "20" },
    updates: { type: "string", default: "10" },
    rows: { type: "string", default: "8,32" },
    repeats: { type: "string", default: "7" },
  },
});
const { model, data } = values;
if (model === undefined || data === undefined) throw new Error("--model and --data are required");
const [steps, updates, repeats] = [values.steps, values.updates, values.repeats].map(Number) as [
  number,
  number,
  number,
];
const run = await openRun({ model, data, partition: "by-file", steps, seed: 1 });
try {
  const [learner] = run.learners as readonly [Learner];
  const trained = steps * run.config.run.batchSize;
  const chosen = rowsToJudge("auto", { updates, trained });
  const start = await learner.initialAdapter();
  const optimizer = learner.initialOptimizer();
  const { adapter } = await learner.train({ adapter: start, optimizer, round: 0, steps });
  const states = Array.from({ length: updates }, () => adapter);
  const ways = [...new Set([chosen, ...values.rows.split(",").map(Number)])].flatMap((rows) => [
    {
      way: `step, ${rows} rows`,
      judge: (round: number) => learner.probe(start, states, { round, rows, step: 0.5 }),
    },
    {
      way: `gradient, ${rows} rows`,
      judge: (round: number) => learner.slope(start, { round, rows }),
    },
  ]);
  const taken = new Map<string, { milliseconds: number; share: number }[]>();
  for (let round = 0; round <= repeats; round += 1) {
    const training = await millisecondsOf(() =>
      learner.train({ adapter: start, optimizer, round, steps }),
    );
    for (const { way, judge } of ways) {
      const milliseconds = await millisecondsOf(() => judge(round));
      // The first turn warms up.
      if (round > 0)
        taken.set(way, [
          ...(taken.get(way) ?? []),
          { milliseconds, share: milliseconds / training },
        ]);
    }
  }
  for (const [way, each] of taken) {
    const shares = each.map(({ share }) => share);
    const [low, middle, high] = [Math.min(...shares), medianOf(shares), Math.max(...shares)].map(
      (share) => `${(100 * share).toFixed(1)} %`,
    );
    const milliseconds = medianOf(each.map((one) => one.milliseconds)).toFixed(0);
    process.stdout.write(
      `${way}: ${milliseconds} ms, ${middle} of the training (${low} to ${high})\n`,
    );
  }
} finally {
  await run.close();
}

// --- internal ---

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

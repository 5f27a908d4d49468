/**
 * How well honest peers tell updates of attackers from honest ones on their own held-out rows: by the loss after a step
 * towards each update (`step`, as the gate does), by the gradient at the state they go on from (`gradient`), and by that
 * layer by layer, whatever the update's length there (`angles`), and by `step` and `angles` together (`both`); and what each
 * costs.
 *
 *   node scripts/judging.ts --model DIR --data DIR [--splits by-file,dirichlet:1.0] [--judges step,gradient,angles,both]
 *     [--rows 32] [--rounds 1,4,8] [--steps 20] [--seeds 1] [--json]
 *
 * A run of ten peers in mode agreed without attackers gives states and honest updates; in the rounds named (from 0) two of
 * the peers send what each attack of the catalogue has them send. Of each judge: the probability that an attacker's update
 * looks worse than an honest one (0.5 is chance), and the shares of the attackers' and the honest updates that the gate vetoes.
 */
import { parseArgs } from "node:util";
import { table } from "../src/node/view/table.ts";
import { type Judge, judgesOf, meanOf, type Standing, standingsOf } from "./judging/judges.ts";
import { openRun, snapshotsOf } from "./judging/snapshots.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    splits: { type: "string", default: "by-file,dirichlet:1.0" },
    judges: { type: "string", default: Object.keys(judgesOf(1)).join(",") },
    rows: { type: "string", default: "32" },
    rounds: { type: "string", default: "1,4,8" },
    steps: { type: "string", default: "20" },
    seeds: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const { model, data } = values;
if (model === undefined || data === undefined) throw new Error("--model and --data are required");
const [steps, seeds] = [Number(values.steps), Number(values.seeds)];
const at = values.rounds.split(",").map(Number);
const names = values.judges.split(",");
const judges: Readonly<Record<string, Judge>> = judgesOf(Number(values.rows));

for (const partition of values.splits.split(",")) {
  const seconds = new Map<string, number>();
  const byAttack = new Map<string, Map<string, Standing[]>>();
  for (let seed = 1; seed <= seeds; seed += 1) {
    const run = await openRun({ model, data, partition, steps, seed });
    try {
      for await (const snapshot of snapshotsOf(run, at)) {
        for (const name of names) {
          const judge = judges[name];
          if (judge === undefined)
            throw new Error(`--judges are ${Object.keys(judges).join(", ")}`);
          const began = performance.now();
          const standings = await standingsOf(judge, snapshot);
          seconds.set(name, (seconds.get(name) ?? 0) + (performance.now() - began) / 1000);
          for (const [i, { attack }] of snapshot.attacks.entries()) {
            const known = byAttack.get(attack) ?? new Map<string, Standing[]>();
            known.set(name, [...(known.get(name) ?? []), standings[i] as Standing]);
            byAttack.set(attack, known);
          }
        }
      }
    } finally {
      await run.close();
    }
  }
  show(partition, seconds, byAttack);
}

// --- internal ---

function show(
  split: string,
  seconds: ReadonlyMap<string, number>,
  byAttack: ReadonlyMap<string, ReadonlyMap<string, readonly Standing[]>>,
): void {
  const means = [...byAttack].map(([attack, judged]) => ({
    attack,
    judges: Object.fromEntries(names.map((name) => [name, meanOf(judged.get(name) ?? [])])),
  }));
  if (values.json) {
    const taken = Object.fromEntries(seconds);
    process.stdout.write(`${JSON.stringify({ split, seconds: taken, attacks: means })}\n`);
    return;
  }
  const headers = ["attack", ...names.flatMap((name) => [name, "caught", "wrong"])];
  const rows = means.map(({ attack, judges }) => [
    attack,
    ...names.flatMap((name) => {
      const { area, caught, wrong } = judges[name] as Standing;
      return [area, caught, wrong].map((share) => share.toFixed(2));
    }),
  ]);
  const cost = [
    "seconds",
    ...names.flatMap((name) => [(seconds.get(name) ?? 0).toFixed(1), "", ""]),
  ];
  process.stdout.write(`\n${split}\n${table(headers, [...rows, cost]).join("\n")}\n`);
}

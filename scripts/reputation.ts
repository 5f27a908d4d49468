/**
 * What the ledgers of honest peers say over whole runs of real nodes in virtual time (quadratic learner, the real gate):
 * how well the score tells attackers from honest peers (AUROC), how many updates are found harmful or not learnt, in how
 * many runs an honest peer was shut out by another, by opinion alone or for its conduct, and by which round every honest
 * peer had noted a fault of conduct of every attacker, and had shut it out.
 *
 *   node scripts/reputation.ts [--splits alike,unlike,stranger] [--attacks none,sign-flip] [--attackers 2] [--peers 10]
 *     [--rounds 15] [--looks 5,10,15] [--seeds 200] [--seed 1] [--json]
 */
import { parseArgs } from "node:util";
import { mean, sum } from "../src/node/view/quantities.ts";
import { table } from "../src/node/view/table.ts";
import { ATTACK_NAMES } from "../testnet/attacks/catalogue.ts";
import { SPLITS, type Tally, type WatchedRun, watchedRun } from "./reputation/watched-run.ts";

const { values } = parseArgs({
  options: {
    splits: { type: "string", default: "alike,unlike" },
    attacks: { type: "string", default: "none" },
    attackers: { type: "string", default: "2" },
    peers: { type: "string", default: "10" },
    rounds: { type: "string", default: "15" },
    looks: { type: "string", default: "5,10,15" },
    seeds: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const looks = values.looks.split(",").map(Number);
const counts = {
  ...{ peers: Number(values.peers), rounds: Number(values.rounds), looks },
  attackers: Number(values.attackers),
};
const headers = [
  ...["split", "attack", "runs", ...looks.map((at) => `AUROC ${at}`)],
  ...[`shut out by ${looks.at(-1)}`, "found", "false alarms", "runs with an honest peer out"],
  ...["fault at all by round", "out at all by round", "virtual s", "s"],
];
const rows: (readonly (string | number)[])[] = [];

for (const split of values.splits.split(",")) {
  if (!(split in SPLITS)) throw new Error(`--splits are ${Object.keys(SPLITS).join(", ")}`);
  for (const name of values.attacks.split(",")) {
    const attack = ATTACK_NAMES.find((each) => each === name) ?? null;
    if (attack === null && name !== "none") throw new Error(`${name} is no attack`);
    const began = performance.now();
    const runs: WatchedRun[] = [];
    for (let i = 0; i < Number(values.seeds); i += 1) {
      runs.push(await watchedRun({ ...counts, seed: Number(values.seed) + i, split, attack }));
    }
    const seconds = (performance.now() - began) / 1000;
    if (values.json) {
      process.stdout.write(`${JSON.stringify({ split, attack, ...counts, seconds, runs })}\n`);
    } else rows.push(rowOf(split, name, runs, seconds));
  }
}
if (!values.json) process.stdout.write(`${table(headers, rows).join("\n")}\n`);

// --- internal ---

function rowOf(split: string, attack: string, runs: readonly WatchedRun[], seconds: number) {
  const areas = looks.map((_, look) => mean(runs.flatMap(({ areas }) => areas[look] ?? [])));
  const out = mean(runs.flatMap(({ shutOut }) => shutOut.at(-1) ?? [])) ?? 0;
  const wrong = runs.filter(({ falseIsolations }) => falseIsolations.length > 0);
  const forConduct = wrong.filter(({ falseIsolations }) =>
    falseIsolations.some(({ conduct }) => conduct.length > 0),
  );
  return [
    ...[split, attack, runs.length, ...areas.map((area) => area?.toFixed(3) ?? "")],
    attack === "none" ? "" : out.toFixed(2),
    ...[shareOf(runs, "ofAttackers"), shareOf(runs, "ofHonest")],
    `${wrong.length}, for conduct ${forConduct.length}`,
    ...[latest(runs, "knownIn"), latest(runs, "outIn")],
    ...[
      mean(runs.map(({ virtualSeconds }) => virtualSeconds))?.toFixed(1) ?? "",
      seconds.toFixed(0),
    ],
  ];
}

function shareOf(runs: readonly WatchedRun[], of: "ofHonest" | "ofAttackers"): string {
  const total = (count: keyof Tally) => sum(runs.map((run) => run[of][count]));
  const judged = total("judged");
  return judged === 0 ? "" : `${((100 * total("against")) / judged).toFixed(2)} % of ${judged}`;
}

/** In the slowest run, and in how many it was at all. */
function latest(runs: readonly WatchedRun[], of: "knownIn" | "outIn"): string {
  const known = runs.flatMap((run) => run[of] ?? []);
  return known.length === 0 ? "" : `${Math.max(...known)} (${known.length} of ${runs.length})`;
}

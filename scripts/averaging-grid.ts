/**
 * How far attackers take the average of 26 honest peers: the worst of the attacks of a setting, for every rule and number of
 * attackers, the mean of some seeds. Settings: `equivocating` and `common` (mode gossip), `agreed`.
 *
 *   node scripts/averaging-grid.ts --setting equivocating --rules cs-plus,gts,mean --attackers 1,2,4,8,12 [--rounds 100] [--seeds 3] [--json]
 */
import { parseArgs } from "node:util";
import { table } from "../src/node/view/table.ts";
import {
  type AveragingTask,
  attacksOf,
  averaging,
  SETTINGS,
} from "../testnet/theory/averaging/averaging.ts";

const { values } = parseArgs({
  options: {
    setting: { type: "string", default: "equivocating" },
    rules: { type: "string", default: "cs-plus" },
    attackers: { type: "string", default: "1,2,3,4,5,6,8" },
    rounds: { type: "string", default: "100" },
    seeds: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const setting = SETTINGS.find((name) => name === values.setting);
if (setting === undefined) throw new Error(`--setting is one of ${SETTINGS.join(", ")}`);
const [rounds, seeds] = [Number(values.rounds), Number(values.seeds)];

const cells = values.rules.split(",").flatMap((rule) =>
  values.attackers.split(",").map((count) => {
    const attackers = Number(count);
    const errors = attacksOf(setting).map((attack): [string, number] => [
      attack,
      meanError({ setting, rule: rule as AveragingTask["rule"], attack, attackers, rounds }),
    ]);
    return { rule, attackers, errors, worst: Math.max(...errors.map(([, error]) => error)) };
  }),
);
if (values.json) process.stdout.write(`${JSON.stringify(cells)}\n`);
else {
  const rows = cells.map(({ rule, attackers, errors, worst }) => [
    ...[rule, attackers],
    ...[...errors.map(([, error]) => error), worst].map((error) => error.toPrecision(3)),
  ]);
  process.stdout.write(
    `${table(["rule", "f", ...attacksOf(setting), "worst"], rows).join("\n")}\n`,
  );
}

function meanError(task: Omit<AveragingTask, "seed">): number {
  let sum = 0;
  for (let seed = 1; seed <= seeds; seed++) sum += averaging({ ...task, seed }).error;
  return sum / seeds;
}

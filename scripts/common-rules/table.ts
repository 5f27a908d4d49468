/**
 * What the rules for a common set keep of the gain of mixing, against every attack on it; prints a table in Markdown.
 *
 *   node scripts/common-rules/table.ts [--heterogeneity 0.6] [--attackers 3] [--gate off] [--seeds 2] [--json]
 *
 * Kept is (alone - attacked) / (alone - clean mean): 1 is the mean without attackers, 0 is everyone by itself, below 0
 * is harm. The learner is the simulations': every member is drawn to a point of its own around a common one.
 */
import { parseArgs } from "node:util";
import { COMMON_RULE_NAMES, type CommonRuleName } from "../../src/consensus/index.ts";
import { alone, type Federation, federate, SET_ATTACKS } from "./federation.ts";

const { values: flags } = parseArgs({
  options: {
    heterogeneity: { type: "string", default: "0.6" },
    attackers: { type: "string", default: "3" },
    peers: { type: "string", default: "10" },
    rounds: { type: "string", default: "10" },
    steps: { type: "string", default: "2" },
    dimensions: { type: "string", default: "2000" },
    seeds: { type: "string", default: "1" },
    gate: { type: "string", default: "on" },
    json: { type: "boolean", default: false },
  },
});

const ROWS = ["none", "absent", ...SET_ATTACKS] as const;
type Kept = Readonly<Record<(typeof ROWS)[number], Readonly<Record<CommonRuleName, number>>>>;

function settingOf(seed: number): Federation {
  return {
    ...{ rule: "mean", attack: "none", seed, gate: flags.gate === "on" },
    attackers: Number(flags.attackers),
    peers: Number(flags.peers),
    rounds: Number(flags.rounds),
    steps: Number(flags.steps),
    dimensions: Number(flags.dimensions),
    heterogeneity: Number(flags.heterogeneity),
  };
}

async function keptWith(seed: number): Promise<Kept> {
  const setting = settingOf(seed);
  const [by, clean] = [await alone(setting), await federate({ ...setting, gate: false })];
  const rows = [];
  for (const attack of ROWS) {
    const row = [];
    for (const rule of COMMON_RULE_NAMES) {
      const loss = await federate({ ...setting, attack, rule });
      row.push([rule, (by - loss) / (by - clean)] as const);
    }
    rows.push([attack, Object.fromEntries(row)] as const);
  }
  return Object.fromEntries(rows) as Kept;
}

function meanOf(all: readonly Kept[]): Kept {
  const rows = ROWS.map((attack) => {
    const row = COMMON_RULE_NAMES.map((rule) => {
      const sum = all.reduce((total, kept) => total + kept[attack][rule], 0);
      return [rule, sum / all.length] as const;
    });
    return [attack, Object.fromEntries(row)] as const;
  });
  return Object.fromEntries(rows) as Kept;
}

function markdown(kept: Kept): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rows = ROWS.map((attack) =>
    line([attack, ...COMMON_RULE_NAMES.map((rule) => kept[attack][rule].toFixed(2))]),
  );
  const worst = COMMON_RULE_NAMES.map((rule) =>
    Math.min(...SET_ATTACKS.map((attack) => kept[attack][rule])).toFixed(2),
  );
  const head =
    line(["attack", ...COMMON_RULE_NAMES]) + line(["", ...COMMON_RULE_NAMES].map(() => "---"));
  return head + rows.join("") + line(["**worst attack**", ...worst]);
}

const all: Kept[] = [];
for (let seed = 1; seed <= Number(flags.seeds); seed += 1) all.push(await keptWith(seed));
const kept = meanOf(all);
process.stdout.write(flags.json ? `${JSON.stringify({ flags, kept })}\n` : markdown(kept));

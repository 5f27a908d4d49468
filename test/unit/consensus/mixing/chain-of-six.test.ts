import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mixFloat64 } from "../../../../src/consensus/index.ts";
import type { MixingRule } from "../../../../src/types.ts";

// The 6-node chain of He, Karimireddy, Jaggi (arXiv 2202.01545): honest 2-3-4-5 start at 0, 0, 200, 200; one attacker
// is linked to node 3, one to node 4, each with share δ. On this bottleneck 4·b_w > μ2: robust rules must refuse to
// mix.

const A = 1 / 3;
const START = [0, 0, 200, 200];
const ROUNDS = 100;

interface Setting {
  readonly attack: string;
  readonly delta: number;
  readonly beta: number;
}

function attackValue(setting: Setting, values: readonly number[], i: number): number {
  if (setting.attack === "constant0") return i === 1 ? 0 : 200;
  const epsilon = Number(setting.attack.replace("dissensus", ""));
  const pull = links(setting.beta, i).reduce(
    (sum, [j, share]) => sum + share * (at(values, j) - at(values, i)),
    0,
  );
  return at(values, i) - (epsilon * pull) / setting.delta;
}

function at(values: readonly number[], i: number): number {
  return values[i] ?? Number.NaN;
}

/** Honest neighbours of honest node i (counted from 0) and their shares. */
function links(beta: number, i: number): readonly (readonly [number, number])[] {
  const all: readonly (readonly [number, number])[][] = [
    [[1, A]],
    [
      [0, A],
      [2, beta],
    ],
    [
      [1, beta],
      [3, A],
    ],
    [[2, A]],
  ];
  return all[i] ?? [];
}

function simulate(rule: MixingRule, setting: Setting): readonly number[] {
  let values: readonly number[] = START;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = values;
    values = before.map((value, i) => {
      const contributions = links(setting.beta, i).map(([j, share]) => ({
        peer: `honest-${j}`,
        state: Float64Array.of(at(before, j)),
        share,
      }));
      const attacked = i === 1 || i === 2;
      if (attacked) {
        const state = Float64Array.of(attackValue(setting, before, i));
        contributions.push({ peer: "attacker", state, share: setting.delta });
      }
      const attackersMax = attacked ? 1 : 0;
      const attackerShare = attacked ? setting.delta : 0;
      const own = Float64Array.of(value);
      return at([...mixFloat64(rule, { own, contributions, attackersMax, attackerShare })], 0);
    });
  }
  return values;
}

test.each(["cs-plus", "median", "trimmed-mean"] as const)(
  "%s refuses to mix across a bottleneck where plain gossip is torn apart",
  (rule) => {
    const setting = { attack: "dissensus1.5", delta: 0.2, beta: 0.267 };

    expect(simulate(rule, setting)).toEqual(START);
    expect(Math.abs(at(simulate("mean", setting), 0))).toBeGreaterThan(1e10);
  },
);

const file = new URL("../../../../../shared/vectors/robust_consensus6.json", import.meta.url);
const present = existsSync(file);
const RULES: readonly (readonly [MixingRule, string])[] = [
  ["mean", "Gossip"],
  ["cs-plus", "CS+"],
  ["median", "Median"],
  ["trimmed-mean", "TM"],
];
test.skipIf(!present).each(RULES)(
  "%s ends where the reference implementation ends in all 24 settings (needs ../shared/vectors)",
  (rule, name) => {
    const settings = Object.entries(
      JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, { vals: number[] }>>,
    );
    expect(settings).toHaveLength(24);
    for (const [key, results] of settings) {
      const [attack = "", delta, beta] = key.split("|");
      const ended = simulate(rule, { attack, delta: Number(delta), beta: Number(beta) });
      for (const [i, expected] of (results[name]?.vals ?? []).entries()) {
        const scale = Math.max(1, Math.abs(expected));
        expect(Math.abs(at(ended, i) - expected) / scale, `${key} node ${i}`).toBeLessThan(1e-6);
      }
    }
  },
);

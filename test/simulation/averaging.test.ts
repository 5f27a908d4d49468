import { expect, test } from "vitest";
import {
  buildGraph,
  certify,
  metropolisShares,
  mixFloat64,
  parseTopology,
} from "../../src/consensus/index.ts";
import { seededRandom } from "../../src/random.ts";
import type { MixingRule } from "../../src/types.ts";

const DIMENSIONS = 5;
type Rows = readonly Float64Array[];

/** What an attacker sends to one victim, who may be told something else than the others. */
type Attack = (honest: Rows, victim: Float64Array) => Float64Array;

function meanOf(rows: Rows): Float64Array {
  return Float64Array.from({ length: DIMENSIONS }, (_, i) =>
    rows.reduce((sum, row) => sum + (row[i] ?? 0) / rows.length, 0),
  );
}

function spread(rows: Rows, centre: Float64Array): number {
  let sum = 0;
  for (const row of rows) for (const [i, x] of row.entries()) sum += (x - (centre[i] ?? 0)) ** 2;
  return sum / rows.length;
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  // A little is enough (Baruch et al. 2019): mean plus 1.5 standard deviations.
  alie: (honest) => {
    const centre = meanOf(honest);
    return centre.map((mean, i) => {
      const variance = honest.reduce((sum, row) => sum + ((row[i] ?? 0) - mean) ** 2, 0);
      return mean + 1.5 * Math.sqrt(variance / (honest.length - 1));
    });
  },
  // Inner-product manipulation, large.
  foe: (honest, victim) => meanOf(honest).map((mean, i) => (victim[i] ?? 0) - 20 * mean),
  // Away from the mean of the others, so that they never agree (He et al. 2022), strong.
  dissensus: (honest, victim) => meanOf(honest).map((m, i) => 21 * (victim[i] ?? 0) - 20 * m),
};

function average(
  rule: MixingRule,
  attack: Attack | null,
  seed: number,
): { error: number; disagreement: number } {
  const [peers, attackers, rounds] = [20, 4, 60];
  const names = Array.from({ length: peers }, (_, i) => `p${String(i).padStart(2, "0")}`);
  const graph = buildGraph(parseTopology("full"), names);
  expect(certify("cs-plus", graph).attackersMax).toBe(attackers);
  const random = seededRandom(seed);
  let rows: Rows = Array.from({ length: peers - attackers }, () =>
    Float64Array.from({ length: DIMENSIONS }, () => 4 * random() - 1),
  );
  const target = meanOf(rows);
  const initial = spread(rows, target);
  for (let round = 0; round < rounds; round += 1) {
    const before = rows;
    rows = before.map((own, i) => {
      const shares = metropolisShares(graph, names[i] ?? "");
      const contributions = names.flatMap((peer, j) => {
        if (i === j) return [];
        const state = before[j] ?? attack?.(before, own);
        return state === undefined ? [] : [{ peer, state, share: shares.get(peer) ?? 0 }];
      });
      return mixFloat64(rule, { own, contributions, attackersMax: attackers });
    });
  }
  return {
    error: spread(rows, target) / initial,
    disagreement: spread(rows, meanOf(rows)) / initial,
  };
}

function attackOf(name: string): Attack | null {
  return ATTACKS[name] ?? null;
}

test.each(Object.keys(ATTACKS))(
  "16 honest peers average with cs-plus while 4 attackers of kind %s try to stop them",
  (name) => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const { error, disagreement } = average("cs-plus", attackOf(name), seed);

      expect(error, `seed ${seed}`).toBeLessThan(0.3);
      expect(disagreement, `seed ${seed}`).toBeLessThan(0.05);
    }
  },
);

test("with rule mean the same attackers ruin the average (control)", () => {
  expect(average("mean", attackOf("foe"), 1).error).toBeGreaterThan(10);
  expect(average("mean", attackOf("dissensus"), 1).error).toBeGreaterThan(10);
});

test("without attackers mean agrees exactly and cs-plus comes close", () => {
  expect(average("mean", null, 1).error).toBeLessThan(1e-12);
  expect(average("cs-plus", null, 1).disagreement).toBeLessThan(1e-6);
});

import { expect, test } from "vitest";
import { agreedUpdates, CODECS, type CommonRuleName } from "../../../src/consensus/index.ts";
import { rankSlices } from "../../../src/training/index.ts";
import { Life } from "../../../testnet/simulation/life.ts";
import { ownPoint, quadraticLearner } from "../../../testnet/simulation/quadratic-learner.ts";
import type { Scenario } from "../../../testnet/simulation/scenario.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const SCENARIO: Scenario = {
  ...{ seed: 5, peers: 10, rounds: 3, mode: "agreed", gate: false, untilMs: 3_600_000 },
  ...{ dimensions: 960, codec: "int8", heterogeneity: 0.3 },
};
/** Seven of ten, 2f + 1, have all eight slices. */
const MOST_HAVE_ALL = [2, 8, 8, 4, 8, 8, 8, 8, 4, 8];
const IN_TURN = [2, 4, 8, 16];

/**
 * The one state that all come to, how many slices have moved, and by slice how far it is from the start towards the point
 * that its owners share.
 */
async function run(change: Partial<Scenario>) {
  const scenario = { ...SCENARIO, ...change };
  const simulation = new Simulation(scenario);
  await simulation.run();
  const { task, watched } = simulation;
  for (const peer of watched) expect(peer.finishedAt).not.toBeNull();
  const states = watched.map(({ disk }) => [...(disk.checkpoint?.adapter ?? [])]);
  expect(new Set(states.map(String)).size).toBe(1);
  const [state = []] = states;

  const { layout } = quadraticLearner(task, {
    ...{ index: 0, time: simulation.time, life: new Life(), slowness: 1 },
  }).info;
  const slices = rankSlices(layout);
  const ranks = scenario.ranks ?? [1];
  const gains = Array.from({ length: task.rank ?? 1 }, (_, slice) => {
    const owners = watched.filter(({ index }) => (ranks[index % ranks.length] ?? 0) > slice);
    const points = owners.map(({ index }) => ownPoint(task, index));
    const [along, square] = [...state.keys()]
      .filter((i) => slices[i] === slice)
      .map((i) => {
        const point = points.reduce((sum, each) => sum + (each[i] ?? 0), 0) / points.length;
        return [(state[i] ?? 0) * point, point * point] as const;
      })
      .reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    return along / square;
  });
  const moved = state.flatMap((at, i) => (at === 0 ? [] : [slices[i] ?? 0]));
  return { state, gains, moved: Math.max(...moved) + 1 };
}

const LEAST_AND_MOST = (gains: readonly number[]) => [Math.min(...gains), Math.max(...gains)];

test.each<CommonRuleName>(["check-twins", "median-norm-clip", "mean", "trimmed-mean"])(
  "all come to one state by %s whatever their ranks, and no slice is drowned, with a crash and messages that are late",
  async (agreedRule) => {
    const crash = { kind: "crash", peer: 2, at: 9000, backAfter: 8000 } as const;
    const mixed = { agreedRule, ranks: MOST_HAVE_ALL, lossRate: 0.2, faults: [crash] };
    const { gains } = await run(mixed);

    const [least = 0, most = 0] = LEAST_AND_MOST(gains);
    expect(least).toBeGreaterThan(0.85 * most);
    expect(least).toBeGreaterThan(0.5);
  },
);

test("with zeros in the place of what a peer does not train the upper slices are drowned (control)", async () => {
  const once = { ranks: MOST_HAVE_ALL, agreedRule: "mean", rounds: 1 } as const;
  const ratio = async (change: Partial<Scenario>) => {
    const [least = 0, most = 0] = LEAST_AND_MOST((await run({ ...once, ...change })).gains);
    return least / most;
  };
  expect(await ratio({ agreedUpdates: agreedUpdates(CODECS.int8) })).toBeLessThan(0.75);
  expect(await ratio({})).toBeGreaterThan(0.9);
});

test("slices that fewer than 2f + 1 train stay where they were, unless the rule trusts everybody", async () => {
  // of ten, seven have rank 4 or more, four rank 8 or more, two rank 16
  const wary = await run({ ranks: IN_TURN, agreedRule: "check-twins" });
  expect(Math.min(...wary.gains.slice(0, 4))).toBeGreaterThan(0.5);
  expect(wary.moved).toBe(4);

  const trusting = await run({ ranks: IN_TURN, agreedRule: "mean" });
  expect(Math.min(...trusting.gains)).toBeGreaterThan(0.5);
});

test("attackers that alone send the upper slices lead them nowhere", async () => {
  const attacks = { 0: "scaled", 1: "scaled", 2: "scaled" } as const;
  // the attackers have rank 8, the honest 4: without them nothing of it is mixed either
  const ranks = [8, 8, 8, 4, 4, 4, 4, 4, 4, 4];
  const wary = await run({ ranks, attacks, agreedRule: "check-twins" });

  expect(Math.min(...wary.gains.slice(0, 4))).toBeGreaterThan(0.5);
  expect(wary.moved).toBe(4);
  // by mean they do (control)
  expect((await run({ ranks, attacks, agreedRule: "mean" })).moved).toBe(8);
});

test("the same seed gives the same state, and another rank of one peer another", async () => {
  const [one, two] = [await run({ ranks: MOST_HAVE_ALL }), await run({ ranks: MOST_HAVE_ALL })];
  expect(two.state).toEqual(one.state);
  const other = await run({ ranks: MOST_HAVE_ALL.with(0, 4) });
  expect(other.state).not.toEqual(one.state);
});

import { expect, test } from "vitest";
import { lossByRound } from "../../testnet/simulation/result.ts";
import type { Scenario } from "../../testnet/simulation/scenario.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const SCENARIO: Scenario = {
  ...{ seed: 7, peers: 4, rounds: 3, dimensions: 40, attackersMax: 0, checkpointSteps: 2 },
  ...{ outerMomentum: 0.6, untilMs: 600_000 },
};

async function run(change: Partial<Scenario> = {}): Promise<Simulation> {
  const simulation = new Simulation({ ...SCENARIO, ...change });
  await simulation.run();
  return simulation;
}

/** States and what outer steps remember, by peer. */
function keptBy({ peers }: Simulation) {
  return peers.map(({ disk: { checkpoint } }) => {
    const { moved } = checkpoint?.memory ?? {};
    return { state: checkpoint?.adapter, moved };
  });
}

test("momentum takes fewer rounds to a loss, and ends where plain mixing does", async () => {
  const change = { peers: 8, rounds: 18, steps: 2, dimensions: 200 };
  const lossesOf = async (outerMomentum: number) =>
    lossByRound(await run({ ...change, outerMomentum }));
  const [plain, moved] = [await lossesOf(0), await lossesOf(0.6)];

  expect(moved[4]).toBeLessThan(0.75 * (plain[4] ?? 0));
  expect(moved.at(-1)).toBeLessThan(1.05 * (plain.at(-1) ?? 0));
});

test("two of nine liars move it no further than they move plain mixing", async () => {
  const change: Partial<Scenario> = {
    ...{ peers: 9, rounds: 16, dimensions: 200, attackersMax: 2 },
    attacks: { 7: "sign-flip", 8: "alie" },
  };
  const lossOf = async (more: Partial<Scenario>) =>
    lossByRound(await run({ ...change, ...more })).at(-1) ?? Number.NaN;

  const plain = await lossOf({ outerMomentum: 0 });
  expect(await lossOf({})).toBeLessThan(1.1 * plain);
  // control
  expect(await lossOf({ rule: "mean", gate: false })).toBeGreaterThan(1.1 * plain);
});

test("what it remembers survives a node's death before and after calls of a port", async () => {
  const undisturbed = await run();
  const kept = keptBy(undisturbed);
  const calls = undisturbed.peers[1]?.calls ?? 0;
  expect(calls).toBeGreaterThan(50);
  // control: without it the states are others
  expect(keptBy(await run({ outerMomentum: 0 }))).not.toEqual(kept);

  let same = 0;
  // every third: the checkpoint, which it is in, is written in one call
  for (let call = 1; call < calls; call += 3) {
    for (const when of ["before", "after"] as const) {
      const fault = { kind: "crash-at-call", peer: 1, call, when, backAfter: 4000 } as const;
      const simulation = await run({ faults: [fault] });
      const isWhole = simulation.peers.every(({ rounds }) =>
        rounds.every(({ mixed }) => mixed.length === 3),
      );
      if (!isWhole) continue;
      same += 1;
      expect(keptBy(simulation), `crash ${when} call ${call} of ${calls}`).toEqual(kept);
    }
  }
  // nearly always all wait for it
  expect(same).toBeGreaterThan(calls / 3);
});

test("who takes over the state of others remembers nothing of its own rounds", async () => {
  const joined = await run({
    ...{ peers: 5, rounds: 8, members: 4, roster: [{ round: 4, peer: 4, joins: true }] },
    untilMs: 2_000_000,
  });

  const [newcomer] = joined.peers.slice(-1);
  expect(newcomer?.rounds.at(-1)?.mixed).toHaveLength(4);
  const { moved } = newcomer?.disk.checkpoint?.memory ?? {};
  // of the rounds since
  expect(moved).toHaveLength(40);
});

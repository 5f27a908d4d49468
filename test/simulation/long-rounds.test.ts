import { expect, test } from "vitest";
import type { Scenario } from "../../testnet/simulation/scenario.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const STEPS = 12;
const ROUNDS = 3;
const SCENARIO: Scenario = {
  ...{ seed: 5, peers: 4, rounds: ROUNDS, steps: STEPS, trainMs: 600_000, checkpointSteps: 2 },
  untilMs: 24 * 3_600_000,
};
/** In the middle of the first round, which takes 7 to 13 minutes. */
const FAULT = { kind: "crash", peer: 1, at: 330_000, backAfter: 20_000 } as const;

async function run(change: Partial<Scenario>): Promise<Simulation> {
  const simulation = new Simulation({ ...SCENARIO, ...change });
  await simulation.run();
  for (const { finishedAt } of simulation.peers) expect(finishedAt).not.toBeNull();
  return simulation;
}

test.each(["gossip", "agreed"] as const)(
  "a node that dies in the middle of a long round comes back into it, in mode %s",
  async (mode) => {
    const [undisturbed, disturbed] = [await run({ mode }), await run({ mode, faults: [FAULT] })];
    const anew = await run({ mode, faults: [FAULT], checkpointSteps: 0 });
    const [kept, lost] = [disturbed.peers[1], anew.peers[1]];

    expect(undisturbed.peers[1]?.stepsBegun).toBe(ROUNDS * STEPS);
    // at most those since it was last kept are done again
    expect(kept?.stepsBegun).toBeLessThanOrEqual(ROUNDS * STEPS + 2);
    // it says what it would have said
    expect(kept?.announced.get(0)).toEqual(undisturbed.peers[1]?.announced.get(0));
    for (const payloads of kept?.announced.values() ?? []) expect(payloads.size).toBe(1);
    // control: with nothing kept the whole round is trained again
    expect(lost?.stepsBegun).toBe((ROUNDS + 1) * STEPS);
    expect(lost?.announced.get(0)).toEqual(undisturbed.peers[1]?.announced.get(0));
  },
);

test.each(["gossip", "agreed"] as const)(
  "a node that dies again and again finishes its round, in mode %s",
  async (mode) => {
    const faults = Array.from({ length: 12 }, (_, i) => ({
      ...({ kind: "crash", peer: 1, backAfter: 5000 } as const),
      at: 120_000 * (i + 1),
    }));
    const { peers } = await run({ mode, rounds: 1, faults });
    expect(peers[1]?.stepsBegun).toBeLessThanOrEqual(STEPS + 2 * faults.length);
    expect(peers[1]?.finishedAt ?? 0).toBeLessThan(1_300_000);
    expect(peers[1]?.announced.get(0)?.size).toBe(1);
    // control: a round that is longer than the time between two deaths begins again and again
    const unkept = await run({ mode, rounds: 1, faults, checkpointSteps: 0 });
    expect(unkept.peers[1]?.stepsBegun ?? 0).toBeGreaterThan(5 * STEPS);
  },
);

test("without a quorum steps beyond the update that is announced are kept, too", async () => {
  const partition = { kind: "partition", peers: 2, from: 3_000_000, until: 12_000_000 } as const;
  const faults = [partition, { ...FAULT, at: 7_000_000 }];
  const [kept, lost] = [
    await run({ mode: "agreed", rounds: 8, faults }),
    await run({ mode: "agreed", rounds: 8, faults, checkpointSteps: 0 }),
  ];
  const begun = ({ peers }: Simulation) => peers[1]?.stepsBegun ?? 0;
  const whole = (steps: number) => Math.ceil(steps / STEPS) * STEPS;
  expect(begun(kept)).toBeGreaterThan(8 * STEPS);
  expect(begun(kept)).toBeLessThanOrEqual(whole(begun(kept) - 2) + 2);
  expect(begun(lost)).toBe(whole(begun(lost)));
});

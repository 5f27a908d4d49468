import { expect, test } from "vitest";
import { decodeEntry } from "../../../src/gossip/index.ts";
import type { Checkpoint } from "../../../src/node/store/contract.ts";
import type { Fault } from "../../../testnet/simulation/scenario.ts";
import type { SimulatedPeer } from "../../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const LATE = 2;
const TRAIN_MS = 60_000;
/** Just after it has started. */
const FALLS_AT = 2000;
const COMES_LATE: Fault = {
  ...{ kind: "crash", peer: LATE, at: FALLS_AT, backAfter: 0.7 * TRAIN_MS },
};

/** Minutes of training against seconds of agreement, and little patience: who is out of step is not waited for. */
async function run(
  seed: number,
  faults: readonly Fault[],
  untilMs = 3_600_000,
): Promise<Simulation> {
  const pace = { trainMs: TRAIN_MS, paceSpread: 0.02, steps: 20, checkpointSteps: 0 };
  const timing = { commitGraceMs: 3000, graceShare: 0.05 };
  const scenario = { seed, peers: 5, rounds: 6, mode: "agreed", ...pace, timing } as const;
  const simulation = new Simulation({ ...scenario, faults, untilMs });
  await simulation.run();
  return simulation;
}

/** Whether each cut counts the late peer. */
function counted({ peers }: Simulation): readonly boolean[] {
  const place = peers
    .map(({ id }) => id)
    .sort()
    .indexOf(peers[LATE]?.id ?? "");
  const chain = peers[0]?.disk.chain ?? [];
  return chain.map((bytes) => decodeEntry(bytes)?.block.cut.includes(place) ?? false);
}

test.each([1, 2, 3])(
  "who starts 0.7 of a round late counts from the second round on (seed %i)",
  async (seed) => {
    const simulation = await run(seed, [COMES_LATE]);

    expect(counted(simulation)).toEqual([false, true, true, true, true, true]);
  },
);

test("who trains a round to its end that is over elsewhere stays late (control)", async () => {
  const stubborn = { kind: "stubborn", peer: LATE } as const;
  const simulation = await run(1, [COMES_LATE, stubborn]);

  expect(counted(simulation)).toEqual(Array(6).fill(false));
});

test("what was trained of a round that ended meanwhile is kept on disk, for the next", async () => {
  // the first round has ended, and the second has not
  const simulation = await run(1, [COMES_LATE], 1.5 * TRAIN_MS);
  const [punctual, late] = [0, LATE].map((peer) => {
    const { disk } = simulation.peers[peer] as SimulatedPeer;
    const { round, optimizer, memory } = disk.checkpoint as Checkpoint;
    const { progress = [] } = memory;
    return { round, steps: optimizer.step, hasProgress: progress.some((value) => value !== 0) };
  });

  expect(punctual).toEqual({ round: 1, steps: 20, hasProgress: false });
  // 20 steps make a round, and it had 0.3 of one and what it takes to agree
  expect(late).toEqual({ round: 1, steps: expect.any(Number), hasProgress: true });
  expect(late?.steps).toBeGreaterThanOrEqual(6);
  expect(late?.steps).toBeLessThan(12);
});

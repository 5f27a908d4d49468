import { expect, test } from "vitest";
import {
  type AgreedMemory,
  type AgreedUpdates,
  agreedUpdates,
  codecByName,
} from "../../../src/consensus/index.ts";
import { lossByRound, roundsUntil } from "../../../testnet/simulation/result.ts";
import type { Scenario } from "../../../testnet/simulation/scenario.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

/** Three messages and transfers of ten are lost, and each peer is away for a quarter of the time. */
const LOSSY = { lossRate: 0.3, brokenRate: 0.3, churn: 0.25 } as const;
/** A task on which it takes several rounds to come near the end. */
const RUN = { mode: "agreed", rounds: 11, steps: 1 } as const;
const COMMON = { seed: 2, peers: 4, dimensions: 200, gate: false, attackersMax: 0 } as const;

async function lossesOf(scenario: Omit<Scenario, "seed" | "peers">): Promise<readonly number[]> {
  const simulation = new Simulation({ ...COMMON, ...scenario });
  await simulation.run();
  for (const { finishedAt } of simulation.watched) expect(finishedAt).not.toBeNull();
  return lossByRound(simulation);
}

/** Updates whose author remembers nothing of what was lost of them, or came too late. */
function forgetful(): AgreedUpdates {
  const updates = agreedUpdates(codecByName("sign"));
  return {
    ...updates,
    trainOn: (memory) => memory,
    settle: ({ theta, velocity }): AgreedMemory => ({
      ...{ theta, velocity, feedback: null, progress: null, extra: null },
    }),
  };
}

test("takes at most 1.15 times the rounds where messages are lost and peers come and go", async () => {
  const calm = await lossesOf({ ...RUN, codec: "sign" });
  const lossy = await lossesOf({ ...RUN, codec: "sign", ...LOSSY });

  const target = 1.05 * (calm.at(-1) ?? 0);
  const [undisturbed, disturbed] = [calm, lossy].map((losses) => roundsUntil(losses, target));
  // the task is one that takes rounds, and the disturbance is one (control)
  expect(undisturbed).toBeGreaterThan(4);
  expect(lossy).not.toEqual(calm);
  expect(disturbed).not.toBeNull();
  expect(disturbed).toBeLessThan(1.15 * (undisturbed ?? 0));
});

test("without memory of what was lost and late signs lead less far (control)", async () => {
  const run = { ...RUN, ...LOSSY, codec: "sign" } as const;
  const [whole, forgot] = [
    await lossesOf(run),
    await lossesOf({ ...run, agreedUpdates: forgetful() }),
  ];

  expect(forgot.at(-1)).toBeGreaterThan(1.02 * (whole.at(-1) ?? 0));
});

import { expect, test } from "vitest";
import { lossByRound } from "../../testnet/simulation/result.ts";
import type { Scenario } from "../../testnet/simulation/scenario.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const CALM: Scenario = {
  ...{ seed: 1, peers: 7, rounds: 20, steps: 3, dimensions: 400, codec: "sign" },
  untilMs: 4_000_000,
};
const DISTURBED = { ...CALM, lossRate: 0.3, brokenRate: 0.3, churn: 0.25 };

async function run(scenario: Scenario): Promise<Simulation> {
  const simulation = new Simulation(scenario);
  await simulation.run();
  return simulation;
}

test("members that come and go, with a third of all messages lost, keep meeting in the same rounds", async () => {
  const calm = await run(CALM);
  const disturbed = await run(DISTURBED);
  const rounds = disturbed.watched.flatMap((peer) => peer.rounds);
  const mixed = rounds.reduce((sum, each) => sum + each.mixed.length, 0) / rounds.length;

  // they left rounds out, and died in the middle of that
  expect(rounds.length).toBeLessThan(7 * CALM.rounds);
  // nobody did an earlier round after a later one: that is taken for a lie
  const evidence = disturbed.watched.flatMap((peer) => peer.evidence);
  expect(evidence.filter(({ kind }) => kind === "contradiction")).toEqual([]);
  // who is late neither passes the others by nor makes them pass it by
  expect(mixed).toBeGreaterThan(4);
  const [end, endOfCalm] = [lossByRound(disturbed).at(-1), lossByRound(calm).at(-1)];
  expect(end).toBeLessThan(1.05 * (endOfCalm ?? 0));
});

import { describe, expect, test } from "vitest";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const run = async (topology: string, more: object = {}) => {
  const simulation = new Simulation({ seed: 7, peers: 12, rounds: 8, topology, ...more });
  await simulation.run();
  return simulation;
};

describe("a graph that differs from round to round", () => {
  test.each([
    ["one-peer-exponential", () => 1],
    ["base:3", (round: number) => round],
    ["epidemic:3", () => 3],
    ["exponential", () => 4],
    ["torus", () => 4],
  ])(
    "%s: every peer mixes with those of the round, and nobody is accused",
    async (topology, of) => {
      const { peers } = await run(topology);

      for (const { rounds, evidence } of peers) {
        expect(evidence).toEqual([]);
        expect(rounds).toHaveLength(8);
        if (topology === "base:3") continue;
        for (const { round, mixed } of rounds) expect(mixed).toHaveLength(of(round));
      }
      const partners = (round: number) =>
        (peers[0]?.rounds[round]?.mixed ?? []).map(({ peer }) => peer);
      const changes = ["one-peer-exponential", "base:3", "epidemic:3"].includes(topology);
      expect(partners(1).join() !== partners(0).join()).toBe(changes);
    },
  );

  test("goes on without a peer that has died, and takes it back", async () => {
    const faults = [{ kind: "crash", peer: 3, at: 9000, backAfter: 20_000 }];
    const { peers } = await run("one-peer-exponential", { faults });

    for (const { rounds } of peers) expect(rounds.at(-1)?.round).toBe(7);
    expect(peers[3]?.rounds.at(-1)?.mixed.length).toBe(1);
  });
});

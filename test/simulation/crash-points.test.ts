import { expect, test } from "vitest";
import type { Fault, Scenario } from "../../testnet/simulation/scenario.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const SCENARIO: Scenario = {
  ...{ seed: 7, peers: 4, rounds: 3, gate: true, attackersMax: 0 },
  untilMs: 600_000,
};
const ROUNDS = [0, 1, 2];
const BACK_AFTER = 4000;

async function run(...faults: readonly Fault[]): Promise<Simulation> {
  const simulation = new Simulation({ ...SCENARIO, faults });
  await simulation.run();
  return simulation;
}

/** A node that dies at any of its calls keeps its word: one payload a round, every round, nobody accused for good. */
function expectSound(simulation: Simulation): void {
  for (const peer of simulation.peers) {
    expect(peer.finishedAt).not.toBeNull();
    expect(peer.rounds.map(({ round }) => round)).toEqual(ROUNDS);
    for (const payloads of peer.announced.values()) expect(payloads.size).toBe(1);
    expect(peer.evidence.filter(({ kind }) => kind === "equivocation")).toEqual([]);
    const standings = peer.node?.status().peers.map(({ standing }) => standing) ?? [];
    expect(standings.every((standing) => standing === "full" || standing === "reduced")).toBe(true);
  }
}

test("the real driver survives a crash before and after every call that it makes of a port", async () => {
  const undisturbed = await run();
  const calls = undisturbed.peers[1]?.calls ?? 0;
  expect(calls).toBeGreaterThan(50);

  // With the last call the run is over.
  for (let call = 1; call < calls; call++) {
    for (const when of ["before", "after"] as const) {
      const fault = { kind: "crash-at-call", peer: 1, call, when, backAfter: BACK_AFTER } as const;
      const simulation = await run(fault);
      try {
        expectSound(simulation);
      } catch (error) {
        throw new Error(`crash ${when} call ${call} of ${calls}`, { cause: error });
      }
    }
  }
});

test("a peer that announces two payloads would be found out (control)", async () => {
  const simulation = new Simulation({ ...SCENARIO, attacks: { 1: "equivocate" } });
  await simulation.run();

  expect(() => expectSound(simulation)).toThrow();
});

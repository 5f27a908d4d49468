import { expect, test } from "vitest";
import {
  codecByName,
  differencesToStart,
  type UpdateMemory,
  type Updates,
} from "../../src/consensus/index.ts";
import type { Scenario } from "../../testnet/simulation/scenario.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const SCENARIO: Scenario = {
  ...{ seed: 7, peers: 4, rounds: 3, gate: true, attackersMax: 0, checkpointSteps: 2 },
  untilMs: 600_000,
};
const ROUNDS = [0, 1, 2];
const BACK_AFTER = 4000;

async function run(change: Partial<Scenario> = {}): Promise<Simulation> {
  const simulation = new Simulation({ ...SCENARIO, ...change });
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
      const simulation = await run({ faults: [fault] });
      try {
        expectSound(simulation);
      } catch (error) {
        throw new Error(`crash ${when} call ${call} of ${calls}`, { cause: error });
      }
    }
  }
});

/** Updates that remember how many were made, as error feedback remembers what was left over. */
const counting: Updates = (() => {
  const plain = differencesToStart(codecByName("int8"));
  const madeIn = ({ kept: { made } }: UpdateMemory) => made?.[0] ?? 0;
  return {
    ...plain,
    begin: (initial, kept = {}) => ({ ...plain.begin(initial), kept }),
    offer: (memory, state) => ({
      ...plain.offer(memory, state),
      memory: { ...memory, kept: { made: Float32Array.of(madeIn(memory) + 1) } },
    }),
  };
})();

test("what the update seam remembers counts every update once, wherever a node dies", async () => {
  const madeBy = ({ peers: [, peer] }: Simulation) => {
    const { made } = peer?.disk.checkpoint?.memory ?? {};
    return made?.[0];
  };
  const undisturbed = await run({ updates: counting });
  expect(madeBy(undisturbed)).toBe(ROUNDS.length);
  const calls = undisturbed.peers[1]?.calls ?? 0;

  for (let call = 1; call < calls; call++) {
    for (const when of ["before", "after"] as const) {
      const fault = { kind: "crash-at-call", peer: 1, call, when, backAfter: BACK_AFTER } as const;
      const simulation = await run({ updates: counting, faults: [fault] });
      expect(madeBy(simulation), `crash ${when} call ${call}`).toBe(ROUNDS.length);
    }
  }
});

test("a peer that announces two payloads would be found out (control)", async () => {
  const simulation = new Simulation({ ...SCENARIO, attacks: { 1: "equivocate" } });
  await simulation.run();

  expect(() => expectSound(simulation)).toThrow();
});

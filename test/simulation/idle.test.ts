import { expect, test } from "vitest";
import type { RunMode } from "../../src/types.ts";
import type { AttackName } from "../../testnet/attacks/catalogue.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const PEERS = 6;
const IDLE = 5;

/** Of six peers, one of them idle: what the honest noted of it, of one another, and how many updates of it they judged. */
async function opinions(attack: AttackName | null, mode: RunMode = "gossip") {
  const simulation = new Simulation({
    ...{
      mode,
      seed: 1,
      peers: PEERS,
      rounds: 12,
      dimensions: 256,
      attackersMax: 1,
      untilMs: 600_000,
    },
    attacks: attack === null ? {} : { [IDLE]: attack },
  });
  await simulation.run();
  const idle = simulation.peers[IDLE]?.id;
  const all = simulation.watched.flatMap((peer) => peer.evidence);
  const opinions = all.filter(({ kind }) => kind === "unlearnt" || kind === "gate-veto");
  const [first] = simulation.watched;
  return {
    ofIdle: opinions.filter(({ peer }) => peer === idle).length,
    ofOthers: opinions.filter(({ peer }) => peer !== idle).length,
    details: new Set(opinions.map(({ detail }) => detail ?? "")),
    standing: first?.node?.status().peers.find(({ peer }) => peer === idle)?.standing,
  };
}

test.each([
  ["noisy-free-rider", "like nothing that it sent before"],
  ["plagiarist", "like an earlier one of another"],
  ["noisy-plagiarist", "like an earlier one of another"],
] as const)("a %s is found by all, isolated, and nobody else is", async (attack, detail) => {
  const { ofIdle, ofOthers, details, standing } = await opinions(attack);

  expect(ofOthers).toBe(0);
  expect(details).toContain(detail);
  // each of five isolates it after six rounds of opinions in a row
  expect(ofIdle).toBeGreaterThanOrEqual(5 * 6);
  expect(standing).toBe("isolated");
});

test.each([
  ["free-rider", "much shorter than those of most others"],
  ["noisy-free-rider", "like nothing that it sent before"],
  ["plagiarist", "like an earlier one of another"],
] as const)("in mode agreed a %s is found by all, and nobody else is", async (attack, detail) => {
  const { ofIdle, ofOthers, details } = await opinions(attack, "agreed");

  expect(ofOthers).toBe(0);
  expect(details).toContain(detail);
  expect(ofIdle).toBeGreaterThanOrEqual(5 * 6);
});

test.each(["gossip", "agreed"] as const)(
  "in mode %s without anybody idle nothing is said of anybody (control)",
  async (mode) => {
    const { ofIdle, ofOthers, standing } = await opinions(null, mode);

    expect([ofIdle, ofOthers, standing]).toEqual([0, 0, "full"]);
  },
);

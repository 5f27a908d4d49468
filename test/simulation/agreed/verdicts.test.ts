import { expect, test } from "vitest";
import type { AttackName } from "../../../testnet/attacks/catalogue.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const [PEERS, HOSTILE, ROUNDS] = [7, 6, 12];

/** What an honest node of seven noted: rounds that mixed the last peer's update, and updates without a share, of it and of others. */
async function rounds(attack: AttackName | null) {
  const simulation = new Simulation({
    ...{ mode: "agreed", seed: 1, peers: PEERS, rounds: ROUNDS, dimensions: 64 },
    ...{ heterogeneity: 1, attackersMax: 2, untilMs: 600_000 },
    attacks: attack === null ? {} : { [HOSTILE]: attack },
  });
  await simulation.run();
  const hostile = simulation.peers[HOSTILE]?.id;
  const [first] = simulation.watched;
  const records = first?.node?.rounds(ROUNDS) ?? [];
  const vetoed = records.flatMap(({ refused }) =>
    refused.filter(({ reason }) => reason === "gate-veto").map(({ peer }) => peer),
  );
  const mixing = records.filter(({ mixed }) => mixed.some(({ peer }) => peer === hostile));
  return {
    done: records.length,
    ofHostile: vetoed.filter((peer) => peer === hostile).length,
    ofOthers: vetoed.filter((peer) => peer !== hostile).length,
    mixed: mixing.length,
  };
}

test("who harms in every round is mixed in one, before the first verdict", async () => {
  expect(await rounds("sign-flip")).toEqual({
    done: ROUNDS,
    mixed: 1,
    ofHostile: ROUNDS - 1,
    ofOthers: 0,
  });
});

test("where nobody harms all are mixed in every round (control)", async () => {
  expect(await rounds(null)).toEqual({ done: ROUNDS, mixed: ROUNDS, ofHostile: 0, ofOthers: 0 });
});

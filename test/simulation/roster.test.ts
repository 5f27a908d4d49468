import { expect, test } from "vitest";
import type { Fault, RosterEdit } from "../../testnet/simulation/scenario.ts";
import type { SimulatedPeer } from "../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const JOINS: RosterEdit = { round: 7, peer: 3, joins: true };
const LEAVES: RosterEdit = { round: 11, peer: 1, joins: false };
/** Rounds take about six seconds of virtual time. */
const ROUND_MS = 6000;

/** Everybody stops and comes back with this, one a little after the other. */
function all(
  at: number,
  peers: readonly number[],
  change: { readonly rounds?: number; readonly roster?: readonly RosterEdit[] },
): readonly Fault[] {
  return peers.map((peer, index) => ({
    kind: "reconfigure",
    peer,
    at: at + 500 * index,
    backAfter: 1500,
    ...change,
  }));
}

const mixedIn = (peer: SimulatedPeer | undefined, round: number): number =>
  peer?.rounds.find((record) => record.round === round)?.mixed.length ?? -1;

test("a fourth member joins at round 8, one is removed at 12, the run is extended from 18 rounds to 30: nothing is lost", async () => {
  const faults: readonly Fault[] = [
    // the fourth is there before it is admitted, and waits for its round
    { kind: "crash", peer: 3, at: 2050, backAfter: 2 * ROUND_MS },
    ...all(3 * ROUND_MS, [0, 1, 2], { roster: [JOINS] }),
    ...all(9 * ROUND_MS, [0, 1, 2, 3], { roster: [JOINS, LEAVES] }),
    ...all(15 * ROUND_MS, [0, 2, 3], { rounds: 30, roster: [JOINS, LEAVES] }),
  ];
  for (const seed of SEEDS) {
    const simulation = new Simulation({
      seed,
      peers: 4,
      members: 3,
      rounds: 18,
      roster: [JOINS],
      faults,
      gate: false,
      attackersMax: 0,
      untilMs: 3_600_000,
    });
    await simulation.run();
    const [anna, bert, carl, dora] = simulation.peers;
    for (const peer of [anna, carl]) {
      const rounds = peer?.rounds.map(({ round }) => round);
      expect(rounds, `seed ${seed}`).toEqual(Array.from({ length: 30 }, (_, round) => round));
    }
    // the newcomer takes over the others' state in the round before its first, and never begins anew
    expect(dora?.rounds[0]).toMatchObject({ round: 6 });
    expect(dora?.rounds[0]?.mixed.length).toBeGreaterThanOrEqual(2);
    expect(dora?.announced.has(6)).toBe(false);
    expect(dora?.rounds.at(-1)?.round).toBe(29);
    // who is removed ends there, and is mixed no more
    expect(bert?.rounds.at(-1)?.round).toBe(10);
    for (const peer of [anna, carl, dora]) {
      const later = (peer?.rounds ?? []).filter(({ round }) => round >= LEAVES.round);
      expect(later.flatMap(({ mixed }) => mixed.map((each) => each.peer))).not.toContain(bert?.id);
    }
    for (const round of [2, 20, 29]) expect(mixedIn(anna, round), `seed ${seed}`).toBe(2);
    expect(mixedIn(anna, 10), `seed ${seed}`).toBeGreaterThanOrEqual(2);
    expect(Math.max(...[7, 8, 9, 10].map((round) => mixedIn(carl, round)))).toBe(3);
  }
});

test("one that is not told of the change is alone with it (control)", async () => {
  const simulation = new Simulation({
    seed: 1,
    peers: 3,
    rounds: 12,
    gate: false,
    attackersMax: 0,
    faults: all(2 * ROUND_MS, [0, 2], { roster: [{ round: 5, peer: 1, joins: false }] }),
    untilMs: 600_000,
  });
  await simulation.run();
  const [anna, bert] = simulation.peers;
  expect(mixedIn(anna, 10)).toBe(1);
  expect(bert?.finishedAt).toBeNull();
  expect(bert?.node?.status()).toMatchObject({ phase: "commit" });
});

import { expect, test } from "vitest";
import type { AttackName } from "../../testnet/attacks/catalogue.ts";
import { commonPoint, quadraticLoss } from "../../testnet/simulation/quadratic-learner.ts";
import { resultOf } from "../../testnet/simulation/result.ts";
import type { Fault, Scenario } from "../../testnet/simulation/scenario.ts";
import type { SimulatedPeer } from "../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const { SEED: only } = process.env;
const seeds = (count: number): readonly number[] =>
  only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];

/**
 * What a test says of a scenario. Without the gate and attackers unless it says otherwise: these tests are about
 * rounds.
 */
type Case = Omit<Scenario, "seed">;

async function simulate(scenario: Case, seed: number): Promise<Simulation> {
  const simulation = new Simulation({ gate: false, attackersMax: 0, ...scenario, seed });
  await simulation.run();
  return simulation;
}

/** The numbers of the rounds that a peer finished. */
const finished = (peer: SimulatedPeer | undefined): readonly number[] =>
  (peer?.rounds ?? []).map(({ round }) => round);

/** Whom a peer mixed with in a round. */
const mixedIn = (peer: SimulatedPeer, round: number): readonly string[] =>
  (peer.rounds.find((record) => record.round === round)?.mixed ?? []).map(({ peer: id }) => id);

const standings = (peer: SimulatedPeer): ReadonlyMap<string, string> =>
  new Map((peer.node?.status().peers ?? []).map(({ peer: id, standing }) => [id, standing]));

/** Runs a scenario with many seeds; a failure names its seed (replay with SEED=…). */
async function each(
  count: number,
  scenario: Case,
  check: (simulation: Simulation, honest: readonly SimulatedPeer[]) => void,
): Promise<void> {
  for (const seed of seeds(count)) {
    const simulation = await simulate(scenario, seed);
    const honest = simulation.watched;
    try {
      for (const peer of honest) {
        expect(peer.finishedAt, `${peer.index} of round ${finished(peer).at(-1)}`).not.toBeNull();
        for (const payloads of peer.announced.values()) expect(payloads.size).toBe(1);
        const seen = standings(peer);
        for (const other of honest) {
          if (other !== peer) expect(["full", "reduced"]).toContain(seen.get(other.id));
        }
      }
      check(simulation, honest);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
}

const allRounds = (rounds: number): readonly number[] =>
  Array.from({ length: rounds }, (_, i) => i);

test("without faults every peer mixes with every other in every round", async () => {
  await each(40, { peers: 6, rounds: 8, lossRate: 0.1, untilMs: 300_000 }, (_, honest) => {
    for (const peer of honest) {
      expect(finished(peer)).toEqual(allRounds(8));
      for (const { mixed } of peer.rounds) expect(mixed).toHaveLength(5);
      expect(peer.evidence).toEqual([]);
    }
  });
});

const both = (attack: AttackName): Partial<Scenario> => ({ attacks: { 1: attack, 4: attack } });
const attacks: readonly (readonly [string, Partial<Scenario>])[] = [
  ["silent", both("silent")],
  ["withholding", both("withhold")],
  ["equivocating", both("equivocate")],
  ["fast-forwarding", both("fast-forward")],
  [
    "crashed",
    {
      faults: [
        { kind: "crash", peer: 1, at: 7000, backAfter: null },
        { kind: "crash", peer: 4, at: 9000, backAfter: null },
      ],
    },
  ],
  ["silent and equivocating", { attacks: { 1: "silent", 4: "equivocate" } }],
];
test.each(attacks)(
  "two of ten peers %s delay nobody for long and cost no round",
  async (_name, liars) => {
    // Undisturbed a round takes 5.2 s of training and 1 s of exchange; the bound leaves room for ten full graces.
    const untilMs = 12 * 6_500 + 10 * 20_000;
    await each(20, { peers: 10, rounds: 12, attackersMax: 2, ...liars, untilMs }, (_, honest) => {
      for (const peer of honest) expect(finished(peer)).toEqual(allRounds(12));
    });
  },
);

test("peers that tell two stories are evicted by everyone who hears both", async () => {
  const attacks = { 2: "equivocate" } as const;
  await each(
    20,
    { peers: 6, rounds: 5, attackersMax: 1, attacks, untilMs: 300_000 },
    (simulation, honest) => {
      const liar = simulation.peers[2]?.id ?? "";
      for (const peer of honest) {
        expect(standings(peer).get(liar)).toBe("evicted");
        for (const round of [1, 2, 3, 4]) expect(mixedIn(peer, round)).not.toContain(liar);
      }
    },
  );
});

test("more liars than declared can fast-forward peers (control), which go back once these are put out", async () => {
  const attacks = { 1: "fast-forward", 2: "fast-forward" } as const;
  const lied = { peers: 6, rounds: 30, attacks };
  const before = await simulate({ ...lied, untilMs: 9000 }, 1);
  const after = await simulate({ ...lied, untilMs: 3_600_000 }, 1);

  expect(before.watched.map(({ node }) => node?.status().round)).toEqual([29, 29, 29, 29]);
  for (const peer of after.watched) expect(finished(peer)).toEqual(allRounds(30));
});

test("each of four peers killed once for 3 to 5 s loses no round and never makes two payloads", async () => {
  const faults: readonly Fault[] = [0, 1, 2, 3].map((peer) => ({
    kind: "crash",
    peer,
    at: 6000 + 8500 * peer,
    backAfter: 3000 + 600 * peer,
  }));
  await each(100, { peers: 4, rounds: 8, faults, untilMs: 300_000 }, (_, honest) => {
    for (const peer of honest) expect(finished(peer)).toEqual(allRounds(8));
  });
});

test("four peers killed at almost the same moment go on together", async () => {
  const faults: readonly Fault[] = [0, 1, 2, 3].map((peer) => ({
    kind: "crash",
    peer,
    at: 12_000 + 100 * peer,
    backAfter: 4000 + 300 * peer,
  }));
  await each(100, { peers: 4, rounds: 8, faults, untilMs: 300_000 }, (_, honest) => {
    for (const peer of honest) expect(finished(peer)).toEqual(allRounds(8));
  });
});

test("a partition heals: both sides go on and end by mixing with everyone", async () => {
  for (const peers of [3, 5]) {
    const faults: readonly Fault[] = [{ kind: "partition", peers, from: 10_000, until: 60_000 }];
    await each(
      20,
      { peers: 10, rounds: 16, attackersMax: 1, faults, untilMs: 600_000 },
      (_, honest) => {
        for (const peer of honest) {
          expect(peer.rounds.length).toBeGreaterThanOrEqual(8);
          expect(mixedIn(peer, 15)).toHaveLength(9);
        }
      },
    );
  }
});

test("a peer ten times slower delays nobody for ever, catches up and takes part again and again", async () => {
  const faults: readonly Fault[] = [{ kind: "slow", peer: 1, factor: 10 }];
  await each(
    20,
    { peers: 6, rounds: 12, attackersMax: 1, faults, untilMs: 900_000 },
    (simulation, honest) => {
      for (const peer of honest)
        if (peer.index !== 1) expect(finished(peer)).toEqual(allRounds(12));
      expect(finished(simulation.peers[1]).length).toBeGreaterThanOrEqual(2);
    },
  );
});

test("alone, a peer burns no round; it goes on when enough others are back, and accuses nobody", async () => {
  const gone = [1, 2, 3].map(
    (peer) => ({ kind: "crash", peer, at: 2100, backAfter: peer === 3 ? null : 120_000 }) as const,
  );
  await each(20, { peers: 4, rounds: 6, faults: gone, untilMs: 600_000 }, (_, honest) => {
    expect(honest.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const peer of honest) {
      expect(finished(peer)).toEqual(allRounds(6));
      expect(peer.finishedAt).toBeGreaterThan(120_000);
      for (const { mixed } of peer.rounds) expect(mixed).toHaveLength(2);
      expect(peer.evidence.filter(({ peer: id }) => honest.some((one) => one.id === id))).toEqual(
        [],
      );
    }
  });
});

test("members that start minutes apart mix every round", async () => {
  const late = [1, 2].map(
    (peer) => ({ kind: "crash", peer, at: 2050, backAfter: 100_000 + 12_000 * peer }) as const,
  );
  await each(20, { peers: 3, rounds: 10, faults: late, untilMs: 900_000 }, (_, honest) => {
    for (const peer of honest) {
      expect(peer.rounds.at(-1)?.round).toBe(9);
      for (const { mixed, round } of peer.rounds) {
        expect(mixed.length, `round ${round} of ${peer.index}`).toBeGreaterThanOrEqual(1);
      }
      for (const round of [6, 7, 8, 9]) expect(mixedIn(peer, round)).toHaveLength(2);
    }
  });
});

test("a member that comes late goes on from the others' state instead of its own beginning", async () => {
  const late = [{ kind: "crash", peer: 3, at: 2050, backAfter: 90_000 }] as const;
  const scenario = { peers: 4, rounds: 20, faults: late, heterogeneity: 0.2, untilMs: 900_000 };
  await each(10, scenario, (simulation, honest) => {
    const joiner = simulation.peers[3];
    const others = honest.filter((peer) => peer !== joiner);
    const common = commonPoint(simulation.task);
    const lossOf = ({ disk }: SimulatedPeer) =>
      quadraticLoss(common, disk.checkpoint?.adapter ?? new Float32Array(common.length));
    for (const peer of others) expect(finished(peer)).toEqual(allRounds(20));
    // Its first rounds: one of its own, then one in which it only listened.
    expect(finished(joiner).length).toBeLessThan(15);
    expect(joiner?.rounds[1]?.mixed.length).toBeGreaterThanOrEqual(2);
    expect(joiner?.announced.has(joiner.rounds[1]?.round ?? -1)).toBe(false);
    for (const { mixed } of joiner?.rounds.slice(2) ?? []) expect(mixed).toHaveLength(3);
    const worst = Math.max(...others.map(lossOf));
    expect(joiner === undefined ? Number.NaN : lossOf(joiner)).toBeLessThan(1.05 * worst);
  });
});

test("rounds that nobody else had a part in are told apart from those that were mixed", async () => {
  const attacks = { 1: "withhold", 2: "withhold" } as const;
  const alone = await simulate({ peers: 3, rounds: 4, attacks, untilMs: 3_600_000 }, 1);
  const done = finished(alone.peers[0]);
  // its own pace, or a jump to where both others are
  expect(done.length).toBeGreaterThanOrEqual(3);
  const counted = { mixedRounds: 0, soloRounds: done.length };
  expect(alone.peers[0]?.node?.status()).toMatchObject(counted);

  const together = await simulate({ peers: 3, rounds: 4 }, 1);
  expect(together.peers[0]?.node?.status()).toMatchObject({ mixedRounds: 4, soloRounds: 0 });
});

test("three honest peers with unlike data and two that are gone do not isolate one another", async () => {
  const attacks = { 3: "silent", 4: "silent" } as const;
  const scenario = { peers: 5, rounds: 14, attackersMax: 1, attacks, gate: true, dimensions: 2 };
  for (const heterogeneity of [1, 2, 4]) {
    // `each` looks at the standings that honest peers have with one another.
    await each(5, { ...scenario, heterogeneity, untilMs: 3_600_000 }, (_, honest) => {
      for (const peer of honest) {
        expect(peer.evidence.filter(({ kind }) => kind === "gate-veto")).toEqual([]);
        expect(peer.rounds.some(({ refused }) => refused.length > 0)).toBe(true);
      }
    });
  }
});

test("120 peers of degree 6 finish together", async () => {
  await each(1, { peers: 120, rounds: 3, topology: "regular:6", untilMs: 300_000 }, (_, honest) => {
    expect(honest).toHaveLength(120);
    for (const peer of honest) expect(finished(peer)).toEqual(allRounds(3));
  });
});

test("the same seed gives the same history, and another seed another (control)", async () => {
  const history = async (seed: number): Promise<unknown> => {
    const faults: readonly Fault[] = [{ kind: "crash", peer: 1, at: 8000, backAfter: 4000 }];
    const simulation = await simulate({ peers: 5, rounds: 5, faults, untilMs: 300_000 }, seed);
    return resultOf(simulation);
  };
  expect(await history(42)).toEqual(await history(42));
  expect(await history(42)).not.toEqual(await history(43));
});

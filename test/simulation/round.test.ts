import { expect, test } from "vitest";
import { standing } from "../../src/reputation/index.ts";
import type { Fault, SimulatedPeer, SimulationOptions } from "./scenario.ts";
import { Simulation } from "./simulator.ts";

const { SEED: only } = process.env;
const seeds = (count: number): readonly number[] =>
  only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];

/** Runs a scenario with many seeds; a failure names its seed (replay with SEED=…). */
function each(
  count: number,
  options: Omit<SimulationOptions, "seed">,
  check: (simulation: Simulation, honest: readonly SimulatedPeer[]) => void,
): void {
  for (const seed of seeds(count)) {
    const simulation = new Simulation({ ...options, seed });
    simulation.run();
    const gone = (options.faults ?? []).flatMap((fault) =>
      fault.kind === "crash" && fault.backAfter === null ? [fault.peer] : [],
    );
    const honest = simulation.peers.filter((peer) => peer.honest && !gone.includes(peer.index));
    try {
      for (const peer of honest) {
        expect(
          peer.finishedAt,
          `${peer.id} in ${peer.state.phase} ${peer.state.round}`,
        ).not.toBeNull();
        for (const payloads of peer.announced.values()) expect(payloads.size).toBe(1);
        for (const other of honest) {
          expect(["full", "reduced"]).toContain(standing(peer.ledger, other.id));
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

test("without faults every peer mixes with every other in every round", () => {
  each(40, { peers: 6, rounds: 8, lossRate: 0.1, untilMs: 300_000 }, (_, honest) => {
    for (const peer of honest) {
      expect(peer.committed).toEqual(allRounds(8));
      for (const mixed of peer.mixedWith.values()) expect(mixed).toHaveLength(5);
      expect(peer.evidence.every(({ kind }) => kind === "timely")).toBe(true);
    }
  });
});

const attacks: readonly (readonly [string, readonly Fault[]])[] = [
  [
    "silent",
    [
      { kind: "silent", peer: 1 },
      { kind: "silent", peer: 4 },
    ],
  ],
  [
    "withholding",
    [
      { kind: "withhold", peer: 1 },
      { kind: "withhold", peer: 4 },
    ],
  ],
  [
    "equivocating",
    [
      { kind: "equivocate", peer: 1 },
      { kind: "equivocate", peer: 4 },
    ],
  ],
  [
    "fast-forwarding",
    [
      { kind: "fast-forward", peer: 1 },
      { kind: "fast-forward", peer: 4 },
    ],
  ],
  [
    "crashed",
    [
      { kind: "crash", peer: 1, at: 7000, backAfter: null },
      { kind: "crash", peer: 4, at: 9000, backAfter: null },
    ],
  ],
  [
    "silent and equivocating",
    [
      { kind: "silent", peer: 1 },
      { kind: "equivocate", peer: 4 },
    ],
  ],
];
test.each(attacks)(
  "two of ten peers %s delay nobody for long and cost no round",
  (_name, faults) => {
    // Undisturbed a round takes 5.2 s of training and 1 s of exchange; the bound leaves room for ten full graces.
    const untilMs = 12 * 6_500 + 10 * 20_000;
    each(20, { peers: 10, rounds: 12, attackersMax: 2, faults, untilMs }, (_, honest) => {
      for (const peer of honest) expect(peer.committed).toEqual(allRounds(12));
    });
  },
);

test("peers that tell two stories are evicted by everyone who hears both", () => {
  const faults: readonly Fault[] = [{ kind: "equivocate", peer: 2 }];
  each(
    20,
    { peers: 6, rounds: 5, attackersMax: 1, faults, untilMs: 300_000 },
    (simulation, honest) => {
      const liar = simulation.peers[2]?.id ?? "";
      for (const peer of honest) {
        expect(standing(peer.ledger, liar)).toBe("evicted");
        for (const [round, mixed] of peer.mixedWith)
          if (round > 0) expect(mixed).not.toContain(liar);
      }
    },
  );
});

test("more liars than declared can fast-forward a peer (control)", () => {
  const faults: readonly Fault[] = [{ kind: "fast-forward", peer: 1 }];
  const simulation = new Simulation({
    seed: 1,
    peers: 6,
    rounds: 30,
    faults,
    untilMs: 3_600_000,
  });
  simulation.run();
  expect(simulation.peers[0]?.committed.length).toBeLessThan(30);
});

test("each of four peers killed once for 3 to 5 s loses no round and never makes two payloads", () => {
  const faults: readonly Fault[] = [0, 1, 2, 3].map((peer) => ({
    kind: "crash",
    peer,
    at: 6000 + 8500 * peer,
    backAfter: 3000 + 600 * peer,
  }));
  each(100, { peers: 4, rounds: 8, faults, untilMs: 300_000 }, (_, honest) => {
    for (const peer of honest) expect(peer.committed).toEqual(allRounds(8));
  });
});

test("four peers killed at almost the same moment go on together", () => {
  const faults: readonly Fault[] = [0, 1, 2, 3].map((peer) => ({
    kind: "crash",
    peer,
    at: 12_000 + 100 * peer,
    backAfter: 4000 + 300 * peer,
  }));
  each(100, { peers: 4, rounds: 8, faults, untilMs: 300_000 }, (_, honest) => {
    for (const peer of honest) expect(peer.committed).toEqual(allRounds(8));
  });
});

test("a partition heals: both sides go on and end by mixing with everyone", () => {
  for (const peers of [3, 5]) {
    const faults: readonly Fault[] = [{ kind: "partition", peers, from: 10_000, until: 60_000 }];
    each(20, { peers: 10, rounds: 16, attackersMax: 1, faults, untilMs: 600_000 }, (_, honest) => {
      for (const peer of honest) {
        expect(peer.committed.length).toBeGreaterThanOrEqual(8);
        expect(peer.mixedWith.get(15)).toHaveLength(9);
      }
    });
  }
});

test("a peer ten times slower delays nobody for ever, catches up and takes part again and again", () => {
  const faults: readonly Fault[] = [{ kind: "slow", peer: 1, factor: 10 }];
  each(
    20,
    { peers: 6, rounds: 12, attackersMax: 1, faults, untilMs: 900_000 },
    (simulation, honest) => {
      for (const peer of honest)
        if (peer.index !== 1) expect(peer.committed).toEqual(allRounds(12));
      expect(simulation.peers[1]?.committed.length).toBeGreaterThanOrEqual(2);
    },
  );
});

test("alone, a peer goes on training by itself and accuses nobody", () => {
  const faults: readonly Fault[] = [1, 2, 3].map((peer) => ({
    kind: "crash",
    peer,
    at: 2100,
    backAfter: null,
  }));
  each(20, { peers: 4, rounds: 6, faults, untilMs: 200_000 }, (_, honest) => {
    expect(honest[0]?.committed).toEqual(allRounds(6));
    expect(honest[0]?.evidence).toEqual([]);
  });
});

test("120 peers of degree 6 finish together", () => {
  each(1, { peers: 120, rounds: 3, topology: "regular:6", untilMs: 300_000 }, (_, honest) => {
    expect(honest).toHaveLength(120);
    for (const peer of honest) expect(peer.committed).toEqual(allRounds(3));
  });
});

test("the same seed gives the same history", () => {
  const history = (): unknown => {
    const faults: readonly Fault[] = [{ kind: "crash", peer: 1, at: 8000, backAfter: 4000 }];
    const simulation = new Simulation({
      seed: 42,
      peers: 5,
      rounds: 5,
      faults,
      untilMs: 300_000,
    });
    simulation.run();
    return simulation.peers.map(({ finishedAt, evidence }) => ({ finishedAt, evidence }));
  };
  expect(history()).toEqual(history());
});

import { beforeAll, describe, expect, test } from "vitest";
import { decodeEntry } from "../../../src/gossip/index.ts";
import type { AttackName } from "../../../testnet/attacks/catalogue.ts";
import { resultOf } from "../../../testnet/simulation/result.ts";
import type { Scenario } from "../../../testnet/simulation/scenario.ts";
import type { SimulatedPeer } from "../../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const SCENARIO: Scenario = {
  ...{ seed: 7, peers: 4, rounds: 3, mode: "agreed", gate: true, untilMs: 3_600_000 },
};

async function run(change: Partial<Scenario> = {}): Promise<Simulation> {
  const simulation = new Simulation({ ...SCENARIO, ...change });
  await simulation.run();
  return simulation;
}

/** The digests of its final blocks, round by round. */
const blocksOf = ({ disk }: SimulatedPeer): readonly string[] =>
  disk.chain.map((bytes) => decodeEntry(bytes)?.digest ?? "damaged");

const stateOf = ({ disk }: SimulatedPeer): readonly number[] => [
  ...(disk.checkpoint?.adapter ?? []),
];

/** Every honest peer comes to the end, by the same blocks and with the same state, and accuses no honest one. */
function expectAgreed(simulation: Simulation): void {
  const honest = simulation.watched;
  const [first] = honest;
  const names = new Set(honest.map(({ id }) => id));
  for (const peer of honest) {
    expect(peer.finishedAt, `peer ${peer.index}`).not.toBeNull();
    expect(blocksOf(peer)).toEqual(blocksOf(first as SimulatedPeer));
    expect(stateOf(peer)).toEqual(stateOf(first as SimulatedPeer));
    for (const payloads of peer.announced.values()) expect(payloads.size).toBe(1);
    expect(peer.evidence.filter((each) => names.has(each.peer) && isProof(each.kind))).toEqual([]);
  }
}

function isProof(kind: string): boolean {
  return kind === "equivocation" || kind === "contradiction";
}

test("a node tells its chain, and who has signed each block", async () => {
  const simulation = await run();
  const [peer] = simulation.peers;
  const ids = simulation.peers.map(({ id }) => id).sort();
  const chain = peer?.node?.chain(10) ?? [];

  expect(chain.map(({ round, block }) => [round, block])).toEqual(
    blocksOf(peer as SimulatedPeer).map((block, round) => [round, block]),
  );
  for (const { signers, cut, ballots, members, checkpoint } of chain) {
    expect(members).toBe(4);
    expect(checkpoint).toMatch(/^[0-9a-f]{64}$/);
    for (const peers of [signers, cut, ballots]) {
      expect(peers.length).toBeGreaterThanOrEqual(3);
      expect(ids).toEqual(expect.arrayContaining([...peers]));
    }
  }
  expect(chain[1]?.parent).toBe(chain[0]?.block);
  expect(peer?.node?.chain(2, 1).map(({ round }) => round)).toEqual([0, 1]);
  expect(peer?.rounds[0]?.phases?.map(({ phase }) => phase)).toEqual([
    ...["train", "commit", "fetch", "vote"],
  ]);
});

test("a node that dies before or after a call of a port keeps its word, and comes to the same end", async () => {
  const { CALLS: every = "29" } = process.env;
  const kept = { checkpointSteps: 2 };
  const undisturbed = await run(kept);
  const calls = undisturbed.peers[1]?.calls ?? 0;
  expect(calls).toBeGreaterThan(100);

  // a sample: with CALLS=1 every call
  for (let call = 1; call < calls; call += Number(every)) {
    for (const when of ["before", "after"] as const) {
      const fault = { kind: "crash-at-call", peer: 1, call, when, backAfter: 4000 } as const;
      const simulation = await run({ ...kept, faults: [fault] });
      try {
        expectAgreed(simulation);
      } catch (error) {
        throw new Error(`crash ${when} call ${call} of ${calls}`, { cause: error });
      }
    }
  }
});

const ROUND_MS = 9000;

test("a partition 5 + 3 of 8 for four rounds holds the round up, and then all have the same", async () => {
  const until = 12_000 + 4 * ROUND_MS;
  const partition = { kind: "partition", peers: 5, from: 12_000, until } as const;
  const undisturbed = await run({ peers: 8, rounds: 8 });
  const simulation = await run({ peers: 8, rounds: 8, faults: [partition] });

  expectAgreed(simulation);
  const took = (each: Simulation) =>
    Math.max(...each.peers.map(({ finishedAt }) => finishedAt ?? 0));
  // the rounds that were lost are those of the partition, and at most three to come together again
  expect(took(simulation)).toBeLessThan(took(undisturbed) + (4 + 3) * ROUND_MS);
});

test.each<readonly [string, Partial<Scenario>]>([
  ["one is slow", { faults: [{ kind: "slow", peer: 2, factor: 6 }] }],
  ["one is dead", { faults: [{ kind: "crash", peer: 2, at: 9000, backAfter: null }] }],
  [
    "one dies and comes back",
    { faults: [{ kind: "crash", peer: 2, at: 9000, backAfter: 30_000 }] },
  ],
  ["three in ten messages are late", { lossRate: 0.3 }],
])("all have the same when %s", async (_, change) => {
  for (const seed of [1, 2, 3]) {
    expectAgreed(await run({ peers: 5, rounds: 5, seed, ...change }));
  }
});

test("who was away while the others ended, and started again, still comes to the same end", async () => {
  const away = (peer: number, at: number, backAfter: number) =>
    ({ kind: "crash", peer, at, backAfter }) as const;
  const faults = [away(3, 9000, 60_000), ...[0, 1, 2].map((peer) => away(peer, 40_000, 1000))];

  expectAgreed(await run({ faults }));
});

const SEVEN = { peers: 7, rounds: 8, seed: 3 };
const two = (attack: AttackName, change: Partial<Scenario> = {}) =>
  run({ ...SEVEN, attacks: { 5: attack, 6: attack }, ...change });
const three = (attack: AttackName, change: Partial<Scenario> = {}) =>
  run({ ...SEVEN, attacks: { 4: attack, 5: attack, 6: attack }, ...change });
const ATTACKS: readonly AttackName[] = [
  ...(["equivocate-votes", "lie-in-ballots", "stall-proposals", "equivocate"] as const),
  ...(["withhold", "late", "copycat", "open-early", "nan"] as const),
  ...(["sign-flip", "scaled", "gaussian", "free-rider", "stale"] as const),
];

/** Whose data a run loses, and from which round on, is chance that differs by seed: losses are means over these. */
const SEEDS = [1, 2, 3];
const meanLoss = async (of: (seed: number) => Promise<Simulation>): Promise<number> => {
  let total = 0;
  for (const seed of SEEDS) total += resultOf(await of(seed)).loss ?? Number.NaN;
  return total / SEEDS.length;
};

describe("two of seven", () => {
  let [honest, without] = [Number.NaN, Number.NaN];
  beforeAll(async () => {
    honest = await meanLoss((seed) => run({ ...SEVEN, seed }));
    // who never say anything
    without = await meanLoss((seed) => two("silent", { seed }));
  });

  test.each(ATTACKS)(
    "that do %s change neither agreement nor, by much, the loss",
    async (attack) => {
      const attacked = await meanLoss(async (seed) => {
        const simulation = await two(attack, { seed });
        expectAgreed(simulation);
        return simulation;
      });

      expect(attacked).toBeLessThan(1.1 * Math.max(honest, without));
    },
  );

  test.each([
    ["late", "late"],
    ["silent", "missing"],
    ["withhold", "missing"],
    ["stall-proposals", "missing"],
  ] as const)(
    "who attack by %s are told of as %s by everyone, and nobody honest is",
    async (attack, kind) => {
      // in few dimensions honest updates are by chance like others' or unlike their own
      const simulation = await two(attack, { dimensions: 256 });
      const accused = new Set(simulation.peers.slice(5).map(({ id }) => id));

      for (const { evidence } of simulation.watched) {
        expect(new Set(evidence.map((each) => each.peer))).toEqual(accused);
        expect(new Set(evidence.map((each) => each.kind))).toEqual(new Set([kind]));
      }
    },
  );

  describe("cost time", () => {
    const took = (simulation: Simulation) =>
      simulation.watched[0]?.rounds.map(({ startedAt, endedAt }) => endedAt - startedAt) ?? [];
    /** How many times as long each round takes. */
    const timesOf = async (attack: AttackName) => {
      const undelayed = took(await run(SEVEN));
      return took(await two(attack)).map((ms, round) => ms / (undelayed[round] ?? 0));
    };

    test("for three rounds where they are late, and after these nobody waits for them", async () => {
      const times = await timesOf("late");

      expect(times.slice(0, 3).every((each) => each > 2)).toBe(true);
      expect(times.slice(3).every((each) => each < 1.5)).toBe(true);
    });

    test("for the one round in which they equivocate, and nobody waits for what they said there", async () => {
      const [first, ...others] = await timesOf("equivocate");

      expect(first).toBeLessThan(2);
      expect(others.every((each) => each < 1.1)).toBe(true);
    });
  });
});

describe("three of seven are too many (control)", () => {
  test("that are silent leave too few to mix", async () => {
    const [few, enough] = [await three("silent"), await two("silent")];

    expect(few.watched.flatMap(({ rounds }) => rounds.flatMap(({ mixed }) => mixed))).toEqual([]);
    expect(resultOf(few).loss).toBeGreaterThan(2 * resultOf(enough).loss);
  });

  test("that vote twice are put out by what they signed, where a block comes together: the others are a quorum of their own then", async () => {
    const simulation = await three("equivocate-votes", { seed: 8, untilMs: 600_000 });

    expectAgreed(simulation);
    const [{ disk }] = simulation.watched as [SimulatedPeer];
    const blocks = disk.chain.map((bytes) => decodeEntry(bytes)?.block);
    expect(blocks.flatMap((block) => block?.evidence ?? [])).toHaveLength(3);
    expect(blocks.at(-1)?.ballots.map(({ opinions }) => opinions.length)).toEqual([4, 4, 4, 4]);
  });

  test("that vote twice may stop the run, and split it in none", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { watched } = await three("equivocate-votes", { seed, untilMs: 300_000 });

      const chains = watched.map(blocksOf);
      const longest = chains.reduce((a, b) => (a.length >= b.length ? a : b));
      for (const chain of chains) expect(chain).toEqual(longest.slice(0, chain.length));
    }
  });
});

import { expect, test } from "vitest";
import { decodeEntry } from "../../../src/gossip/index.ts";
import { describeStatus } from "../../../src/node/commands/status.ts";
import { runSchedule } from "../../../testnet/simulation/agreed/schedule.ts";
import { drawLostDisks, runSchedules } from "../../../testnet/simulation/agreed/schedules.ts";
import { EPOCH } from "../../../testnet/simulation/life.ts";
import type { Fault, Scenario } from "../../../testnet/simulation/scenario.ts";
import type { SimulatedPeer } from "../../../testnet/simulation/simulated-peer.ts";
import { Simulation } from "../../../testnet/simulation/simulation.ts";

const SCENARIO: Scenario = {
  ...{ seed: 7, peers: 4, rounds: 6, mode: "agreed", gate: true, untilMs: 600_000 },
};
const LOSER = 1;
/** In the second round: while all train, when lists are signed, and when the block is voted on. */
const TIMES = [7500, 9500, 11_000];
const ALL = [0, 1, 2, 3];

const lose = (at: number, copiedAt: number | null = null, peer = LOSER): Fault => ({
  ...{ kind: "lose-disk", peer, at, backAfter: 300, copiedAt },
});

async function run(...faults: readonly Fault[]): Promise<Simulation> {
  const simulation = new Simulation({ ...SCENARIO, faults });
  await simulation.run();
  return simulation;
}

const blocksOf = ({ disk }: SimulatedPeer) => disk.chain.map((bytes) => decodeEntry(bytes)?.block);

/** All come to the end by the same blocks, and nobody has contradicted itself. */
function expectNobodyGuilty({ watched }: Simulation): void {
  const [first] = watched as [SimulatedPeer];
  for (const peer of watched) {
    expect(peer.finishedAt, `peer ${peer.index}`).not.toBeNull();
    expect(blocksOf(peer)).toEqual(blocksOf(first));
    for (const payloads of peer.announced.values()) expect(payloads.size).toBe(1);
    const kinds = peer.evidence.map(({ kind }) => kind);
    expect(kinds).not.toContain("equivocation");
    expect(kinds).not.toContain("contradiction");
  }
  expect(blocksOf(first).flatMap((block) => block?.evidence ?? [])).toEqual([]);
}

/** Rounds whose block has no ballot of a peer. */
function silentRounds({ watched }: Simulation, index: number): readonly number[] {
  const [{ id }] = watched.filter((peer) => peer.index === index) as [SimulatedPeer];
  const place = watched
    .map((peer) => peer.id)
    .toSorted()
    .indexOf(id);
  const blocks = blocksOf(watched[0] as SimulatedPeer);
  return blocks.flatMap((block, round) =>
    block?.ballots.some((ballot) => ballot.place === place) ? [] : [round],
  );
}

test("members that lose their disks, under hostile schedules, are accused of nothing, and all get to the end", () => {
  const { conflicts, stalled, accused } = runSchedules(60, 1, runSchedule, drawLostDisks);
  expect({ conflicts, stalled, accused }).toEqual({ conflicts: [], stalled: [], accused: [] });
}, 120_000);

test.each(TIMES)("a disk that is lost at %d ms costs the round and the next", async (at) => {
  const simulation = await run(lose(at));
  expectNobodyGuilty(simulation);
  expect(silentRounds(simulation, LOSER)).toEqual([1, 2]);
});

test("a disk that is put back from a copy of the round before costs the same", async () => {
  const simulation = await run(lose(11_000, 5000));
  expectNobodyGuilty(simulation);
  expect(silentRounds(simulation, LOSER)).toEqual([1, 2]);
});

test("a copy that lacks nothing costs nothing, nor does a restart", async () => {
  for (const fault of [
    lose(7500, 7400),
    { kind: "crash", peer: LOSER, at: 9500, backAfter: 300 } as const,
  ]) {
    const simulation = await run(fault);
    expectNobodyGuilty(simulation);
    expect(silentRounds(simulation, LOSER)).toEqual([]);
  }
});

test("all may start again together at any time, and may all have lost what they had", async () => {
  for (let at = 8000; at < 13_000; at += 500) {
    expectNobodyGuilty(
      await run(...ALL.map((peer) => ({ kind: "crash", peer, at, backAfter: 500 }) as const)),
    );
  }
  expectNobodyGuilty(await run(...ALL.map((peer) => lose(11_000, null, peer))));
});

test("where one is down the others start again, and a lost disk waits for it", async () => {
  const down = { kind: "crash", peer: 3, at: 5000, backAfter: null } as const;
  expectNobodyGuilty(await run(down, { kind: "crash", peer: LOSER, at: 11_000, backAfter: 300 }));

  const back = { ...down, backAfter: 60_000 };
  const simulation = await run(back, lose(11_000));
  expectNobodyGuilty(simulation);
  const [{ rounds }] = simulation.peers as [SimulatedPeer];
  expect(rounds[0]?.endedAt).toBeGreaterThan(EPOCH + 65_000);
});

test("status says what a node waits for", async () => {
  const simulation = new Simulation({ ...SCENARIO, faults: [lose(11_000)], untilMs: 15_000 });
  await simulation.run();
  const status = simulation.peers[LOSER]?.node?.status();
  const lines = status === undefined ? [] : describeStatus(status, 0);
  expect(lines.find((line) => line.startsWith("silent"))).toMatch(
    /^silent {4}says nothing until round 3 is final: its disk lacks an? \w+ of round [12] that it has signed$/,
  );
});

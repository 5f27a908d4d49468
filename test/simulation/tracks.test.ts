import { describe, expect, test } from "vitest";
import { codecByName, differencesToStart } from "../../src/consensus/index.ts";
import { commonPoint, quadraticLoss } from "../../testnet/simulation/quadratic-learner.ts";
import type { Scenario } from "../../testnet/simulation/scenario.ts";
import { Simulation } from "../../testnet/simulation/simulation.ts";

const SCENARIO: Scenario = {
  ...{ seed: 7, peers: 5, rounds: 12, dimensions: 400, gate: true, attackersMax: 0 },
  ...{ codec: "sign", untilMs: 2_000_000 },
};
/** Bytes of a whole track. */
const WHOLE = 4 * 400;

async function run(change: Partial<Scenario> = {}): Promise<Simulation> {
  const simulation = new Simulation({ ...SCENARIO, ...change });
  await simulation.run();
  return simulation;
}

/** Mean loss of these peers. */
function lossOf({ peers, task }: Pick<Simulation, "peers" | "task">): number {
  const losses = peers.map(({ disk }) =>
    quadraticLoss(commonPoint(task), disk.checkpoint?.adapter ?? new Float32Array(400)),
  );
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

function received({ peers }: Simulation): number {
  return Math.max(
    ...peers.map(({ rounds }) => rounds.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0)),
  );
}

/** Whoever was mixed in the last round is known, to the bit, as it takes itself to be known. */
function expectFollowed({ peers }: Simulation): void {
  const byId = new Map(peers.map((peer) => [peer.id, peer]));
  for (const { disk, rounds } of peers) {
    const last = rounds.at(-1);
    for (const { peer } of last?.mixed ?? []) {
      const author = byId.get(peer)?.disk.checkpoint;
      const known = disk.checkpoint?.memory[`of.${peer}`];
      const { track } = author?.memory ?? {};
      expect(author?.round).toBe((last?.round ?? 0) + 1);
      expect(known).toEqual(track);
    }
  }
}

describe("mode gossip with signs", () => {
  test("learns what it does with singles, for a third of the bytes with announcements", async () => {
    const [signs, singles] = [await run(), await run({ codec: "float32" })];

    expectFollowed(signs);
    expect(lossOf(signs)).toBeLessThan(1.05 * lossOf(singles));
    expect(received(signs)).toBeLessThan(received(singles) / 3);
  });

  test("loses nothing for good with payloads and announcements lost on the way", async () => {
    const undisturbed = await run();
    const cut = { kind: "partition", peers: 2, from: 20_000, until: 45_000 } as const;
    const disturbed = await run({ lossRate: 0.3, faults: [cut] });

    expectFollowed(disturbed);
    expect(disturbed.peers.some(({ rounds }) => rounds.some(({ mixed }) => mixed.length < 4))).toBe(
      true,
    );
    for (const { rounds } of disturbed.peers) expect(rounds.at(-1)?.mixed).toHaveLength(4);
    expect(lossOf(disturbed)).toBeLessThan(1.02 * lossOf(undisturbed));
  });

  test("takes one back that was away, and others follow it again", async () => {
    const crash = { kind: "crash", peer: 1, at: 20_000, backAfter: 40_000 } as const;
    const back = await run({ faults: [crash] });

    expectFollowed(back);
    for (const { rounds } of back.peers) expect(rounds.at(-1)?.mixed).toHaveLength(4);
    expect(lossOf(back)).toBeLessThan(1.05 * lossOf(await run()));
  });

  test("takes in one that joins later at the state of the others, by whole tracks", async () => {
    const roster = [{ round: 6, peer: 4, joins: true }];
    const joined = await run({ members: 4, roster });

    const [newcomer] = joined.peers.slice(-1);
    expect(newcomer?.rounds.at(-1)?.mixed).toHaveLength(4);
    for (const { rounds } of joined.peers) expect(rounds.at(-1)?.mixed).toHaveLength(4);
    expectFollowed(joined);
    // It began at the state of the others: a track of its own from the start would hold them back.
    expect(lossOf(joined)).toBeLessThan(1.05 * lossOf(await run()));
    const most = received(await run()) + 2 * 4 * WHOLE;
    expect(received(joined)).toBeLessThan(most);
  });

  test("withstands a liar as the rule of the run is certified for", async () => {
    const options = { peers: 9, attackersMax: 2 } as const;
    const attacks = { 7: "sign-flip", 8: "gaussian" } as const;
    const lossOfHonest = async (change: Partial<Scenario>) => {
      const { peers, task } = await run({ ...options, attacks, ...change });
      return lossOf({ peers: peers.filter(({ isHonest }) => isHonest), task });
    };

    expect(await lossOfHonest({})).toBeLessThan(0.2);
    // control
    expect(await lossOfHonest({ rule: "mean", gate: false })).toBeGreaterThan(1);
  });
});

test.each(["int4", "int2", "sign"] as const)(
  "%s needs tracks to learn what singles do",
  async (codec) => {
    const singles = lossOf(await run({ codec: "float32" }));

    expect(lossOf(await run({ codec }))).toBeLessThan(1.05 * singles);
    // control
    const plain = await run({ codec, updates: differencesToStart(codecByName(codec)) });
    expect(lossOf(plain)).toBeGreaterThan(1.05 * singles);
  },
);

test("wherever a node dies, it says one thing a round and what it is known by is what it knows", async () => {
  const small = { ...SCENARIO, peers: 4, rounds: 3, dimensions: 40 };
  const undisturbed = await run(small);
  const calls = undisturbed.peers[1]?.calls ?? 0;
  expect(calls).toBeGreaterThan(50);

  for (let call = 1; call < calls; call += 1) {
    for (const when of ["before", "after"] as const) {
      const fault = { kind: "crash-at-call", peer: 1, call, when, backAfter: 4000 } as const;
      const simulation = await run({ ...small, faults: [fault] });
      try {
        expectFollowed(simulation);
        for (const { rounds, announced } of simulation.peers) {
          expect(rounds.map(({ round }) => round)).toEqual([0, 1, 2]);
          for (const payloads of announced.values()) expect(payloads.size).toBe(1);
        }
      } catch (error) {
        throw new Error(`crash ${when} call ${call} of ${calls}`, { cause: error });
      }
    }
  }
});

import { join } from "node:path";
import { expect, test } from "vitest";
import { OVERHEAD } from "../../../../src/node/budget/measured.ts";
import { parseConfig } from "../../../../src/node/config/load.ts";
import { createNode, type OwnParts } from "../../../../src/node/embed.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { createRandom } from "../../../../testnet/random.ts";
import { clockOf, Life } from "../../../../testnet/simulation/life.ts";
import { MemoryWire } from "../../../../testnet/simulation/memory-network.ts";
import { MemoryDisk } from "../../../../testnet/simulation/memory-store.ts";
import { quadraticLearner } from "../../../../testnet/simulation/quadratic-learner.ts";
import { VirtualTime } from "../../../../testnet/simulation/virtual-time.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { PEERS } from "../node-samples.ts";

/** A node of one member whose learner, network and clock are the program's own; its data folder is its own. */
function embedded(
  change: OwnParts = {},
  members: readonly string[] = [PEERS[0]],
  terms: object = {},
) {
  const dataDir = join(temporaryFolder(), "node");
  const [time, life] = [new VirtualTime(), new Life()];
  const wire = new MemoryWire(time, { random: createRandom(1), lossRate: 0, isCut: () => false });
  const task = { seed: 1, dimensions: 4, heterogeneity: 1, trainMs: 1000 };
  const node = createNode(parseConfig({ dataDir, run: { members, rounds: 2, ...terms } }, "/"), {
    learner: quadraticLearner(task, { index: 0, time, life, slowness: 1 }),
    network: wire.join(PEERS[0], life),
    clock: clockOf(time, life),
    log: silentLogger(),
    ...change,
  });
  return { node, time, life, dataDir };
}

test("a node works with what it was given, and opens and closes what it was not", async () => {
  const { node, time, dataDir } = embedded();
  await node.start();
  expect(() => openStore(dataDir)).toThrow(expect.objectContaining({ code: "locked" }));
  await time.run(1_000_000, () => false);
  await node.finished;
  expect(node.rounds(10).map(({ round }) => round)).toEqual([0, 1]);
  expect(node.status()).toMatchObject({ state: "finished", peerId: PEERS[0] });
  await node.stop();
  await node.stop();

  const store = openStore(dataDir);
  expect(store.rounds(node.status().run, 10)).toHaveLength(2);
  store.close();
});

test("a store that was given stays the program's", async () => {
  const [disk, owner] = [new MemoryDisk(), new Life()];
  const store = disk.open(owner);
  const { node, time } = embedded({ store });
  await node.start();
  await time.run(1_000_000, () => false);
  await node.stop();

  expect(store.rounds(node.status().run, 10)).toHaveLength(2);
  expect(() => disk.open(new Life())).toThrow(expect.objectContaining({ code: "locked" }));
});

test("a node that could not start leaves its folder to the next", async () => {
  const { node, dataDir } = embedded({}, [PEERS[1]]);
  await expect(node.start()).rejects.toMatchObject({ code: "usage" });

  openStore(dataDir).close();
});

test("nothing is touched before the start, and nothing told", async () => {
  const { node, dataDir } = embedded();
  expect(() => node.status()).toThrow("once it has started");
  await node.stop();

  openStore(dataDir).close();
});

test("stopped while it starts, a node is stopped once it has started", async () => {
  const { node, time, dataDir } = embedded();
  const starting = node.start();
  const stopping = node.stop();
  await starting;
  await time.run(1_000_000, () => false);
  await stopping;

  expect(node.status()).toMatchObject({ state: "stopping", round: 0 });
  openStore(dataDir).close();
});

test("a budget chooses the codec of a learner that is given, and tells what a round costs", async () => {
  const choiceOf = async (bytesPerRound: number | null) => {
    const { node } = embedded({}, PEERS, { bytesPerRound });
    await node.start();
    const { costs } = node.status();
    await node.stop();
    return costs;
  };
  // one other member, and four values: a payload of 17 bytes (int8) or 14 (int2)
  const least = OVERHEAD.gossip + 17;
  const [free, enough] = [await choiceOf(null), await choiceOf(least)];
  const tight = await choiceOf(least - 1);

  for (const [costs, codec] of [
    [free, "int8"],
    [enough, "int8"],
    [tight, "int2"],
  ] as const) {
    expect(costs?.ways.find(({ isChosen }) => isChosen)?.codec).toBe(codec);
  }
  expect([free?.budget, enough?.budget]).toEqual([null, least]);
  const refused = embedded({}, PEERS, { bytesPerRound: OVERHEAD.gossip }).node.start();
  await expect(refused).rejects.toMatchObject({ code: "usage" });
});

test("a learner that is given cannot be opened at the rank that a budget wants", async () => {
  const [time, life] = [new VirtualTime(), new Life()];
  const task = { seed: 1, dimensions: 16_000, heterogeneity: 1, trainMs: 1000 };
  const learner = quadraticLearner(task, { index: 0, time, life, slowness: 1 });
  const shaped = (rank: number): OwnParts => {
    const shape = [rank, 16_000 / rank];
    const tensors = [{ name: "x.lora_A.weight", shape, offset: 0 }];
    const layout = { ...learner.info.layout, tensors };
    return { learner: { ...learner, info: { ...learner.info, layout } } };
  };
  // signs of 16,000 values take 2,075 bytes, of 8,000 half of that
  const terms = { mode: "agreed", bytesPerRound: OVERHEAD.agreed + 1100 };

  const refused = embedded(shaped(8), PEERS, terms).node.start();
  await expect(refused).rejects.toThrow(/chooses rank 4, and the learner that is given has rank 8/);
  // control: with its rank named there is no other choice, and too few bytes
  const named = embedded(shaped(8), PEERS, { ...terms, adapter: { rank: 8 } }).node.start();
  await expect(named).rejects.toThrow(/fewest that work here/);
});

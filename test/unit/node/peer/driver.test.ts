import { describe, expect, test } from "vitest";
import { agreedUpdates, codecByName, differencesToStart } from "../../../../src/consensus/index.ts";
import { configSchema } from "../../../../src/node/config/config.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import { createNode } from "../../../../src/node/peer/node.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";
import type { NodeEvent } from "../../../../src/node/records/records.ts";
import { createRandom } from "../../../../testnet/random.ts";
import { clockOf, Life } from "../../../../testnet/simulation/life.ts";
import { MemoryWire } from "../../../../testnet/simulation/memory-network.ts";
import { MemoryDisk } from "../../../../testnet/simulation/memory-store.ts";
import { quadraticLearner } from "../../../../testnet/simulation/quadratic-learner.ts";
import { VirtualTime } from "../../../../testnet/simulation/virtual-time.ts";
import { PEERS } from "../node-samples.ts";

/** A node of two members over memory, and the time that it lives in; nothing has started. */
function nodeInMemory(change: { readonly members?: readonly string[]; readonly failAt?: number }) {
  const time = new VirtualTime();
  const [life, disk] = [new Life(), new MemoryDisk()];
  const wire = new MemoryWire(time, {
    random: createRandom(1),
    lossRate: 0,
    isCut: () => false,
  });
  const members = [...(change.members ?? PEERS)];
  const config = configSchema.parse({
    run: { members, rounds: 2, attackersMax: 0 },
    timing: { commitMaxMs: 60_000 },
  });
  const task = { seed: 1, dimensions: 4, heterogeneity: 1, trainMs: 1000 };
  const learner = quadraticLearner(task, { index: 0, time, life, slowness: 1 });
  let trained = 0;
  const ports = {
    learner: {
      ...learner,
      train: (...request: Parameters<typeof learner.train>) => {
        trained += 1;
        if (trained === change.failAt) return Promise.reject(new Error("the device is gone"));
        return learner.train(...request);
      },
    },
    network: wire.join(PEERS[0], life),
    clock: clockOf(time, life),
    updates: differencesToStart(codecByName("int8")),
    agreedUpdates: agreedUpdates(codecByName("int8")),
  };
  const metrics = createMetrics();
  const told: NodeEvent[] = [];
  const node = createNode(config, {
    log: silentLogger(),
    tell: (event) => told.push(event),
    store: disk.open(life),
    metrics,
    ports: async () => ports,
  });
  return { node, time, disk, metrics, told };
}

describe("a node in memory, without a process", () => {
  test("does the rounds of a run with one member", async () => {
    const { node, time, disk } = nodeInMemory({ members: [PEERS[0]] });
    await node.start();

    await time.run(10_000_000, () => disk.result !== null);

    await node.finished;
    expect(disk.rounds.map(({ round, mixed }) => [round, mixed])).toEqual([
      [0, []],
      [1, []],
    ]);
    expect(disk.checkpoint).toMatchObject({ round: 2, memory: {} });
    expect(node.status()).toMatchObject({ state: "finished", phase: "done" });
    await node.stop();
    expect(node.status().state).toBe("stopping");
  });

  test("tells what happens, and writes down when each phase began", async () => {
    const { node, time, disk, told } = nodeInMemory({ members: [PEERS[0]] });
    await node.start();
    await time.run(10_000_000, () => disk.result !== null);
    await node.finished;
    await node.stop();

    const words = told.map((event) => {
      if (event.type === "phase") return `${event.round} ${event.phase}`;
      if (event.type === "round") return `${event.round} is over`;
      return event.type === "state" ? event.state : event.type;
    });
    const alone = (round: number) => [`${round} train`, `${round} mix`];
    expect(words).toEqual([
      ...["running", ...alone(0), "0 is over", ...alone(1), "1 is over", "2 done"],
      ...["finished", "stopping"],
    ]);
    const [first] = disk.rounds;
    const [train, mix] = first?.phases ?? [];
    expect([train?.phase, mix?.phase]).toEqual(["train", "mix"]);
    expect((mix?.at ?? 0) - (train?.at ?? 0)).toBeGreaterThan(0);
  });

  test("waits for others as long as it takes, says for whom, and burns no round meanwhile", async () => {
    const { node, time, disk } = nodeInMemory({});
    await node.start();

    await time.run(10_000_000, () => false);

    expect(node.status()).toMatchObject({
      phase: "commit",
      round: 0,
      waitingFor: [PEERS[1]],
      deadline: null,
      state: "joining",
    });
    expect(disk.rounds).toEqual([]);
    await node.stop();
  });

  test("ends with the error of its learner", async () => {
    const { node, time } = nodeInMemory({ members: [PEERS[0]], failAt: 2 });
    await node.start();
    const ended = expect(node.finished).rejects.toThrow("the device is gone");

    await time.run(10_000_000, () => false);

    await ended;
  });

  test("does not start where it is no member", async () => {
    const { node } = nodeInMemory({ members: [PEERS[1]] });

    await expect(node.start()).rejects.toMatchObject({ code: "usage" });
  });

  test("stopped in mid-round does nothing more", async () => {
    const { node, time, disk } = nodeInMemory({});
    await node.start();
    await time.run(1600, () => false);
    await node.stop();

    await time.run(10_000_000, () => false);

    expect(disk.rounds).toEqual([]);
  });
});

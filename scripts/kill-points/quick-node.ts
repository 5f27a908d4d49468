import { createNetwork, loadIdentity } from "../../src/gossip/index.ts";
import { parseConfig } from "../../src/node/config/load.ts";
import { networkConfig } from "../../src/node/config/network-config.ts";
import { createNode } from "../../src/node/embed.ts";
import { identityFile } from "../../src/node/folders/data-folder.ts";
import { systemClock } from "../../src/node/peer/clock.ts";
import type { KlatchNode } from "../../src/node/peer/node.ts";
import { openAgreedUpdates, openUpdates } from "../../src/node/peer/ports.ts";
import { silentLogger } from "../../src/node/process/logger.ts";
import { openStore } from "../../src/node/store/store.ts";
import { Life } from "../../testnet/simulation/life.ts";
import { quadraticLearner } from "../../testnet/simulation/quadratic-learner.ts";
import type { Worked } from "./points.ts";

/** A member of a run of four, as its process is told. */
export interface QuickMember {
  readonly folder: string;
  readonly index: number;
  readonly seed: number;
  readonly rounds: number;
  readonly peers: readonly string[];
  /** Where each of them listens. */
  readonly ports: readonly number[];
}

const TASK = { dimensions: 64, heterogeneity: 0.1, trainMs: 300, steps: 6 };
const TIMING = { commitGraceMs: 1000, openDelayMs: 200, repeatMs: 200, viewMs: 600 };
const REAL_TIME = {
  after: (milliseconds: number, run: () => void) => void setTimeout(run, milliseconds),
  get now() {
    return systemClock.now();
  },
};

/** A node whose network, clock and store are real, and whose task is quadratic; and what closes its store. */
export async function openQuickNode(
  member: QuickMember,
  worked: Worked,
): Promise<{ readonly node: KlatchNode; readonly close: () => void }> {
  const { folder, index, seed } = member;
  const config = configOf(member);
  const { key } = await loadIdentity(identityFile(folder));
  const network = await createNetwork(networkConfig(config), { key });
  const learner = quadraticLearner(
    { ...TASK, seed },
    { index, time: REAL_TIME, life: new Life(), slowness: 1 },
  );
  const store = openStore(folder, { fs: worked.files });
  const node = createNode(config, {
    ...{ learner, network: worked.network(network), store: worked.store(store) },
    ...{ clock: systemClock, updates: openUpdates(config), log: silentLogger() },
    agreedUpdates: openAgreedUpdates(config, learner.info.layout),
  });
  return { node, close: () => store.close() };
}

// --- internal ---

function configOf({ folder, index, rounds, peers, ports, seed }: QuickMember) {
  const address = (place: number) => `/ip4/127.0.0.1/tcp/${ports[place]}`;
  const bootstrap = peers.flatMap((peer, place) =>
    place === index ? [] : [`${address(place)}/p2p/${peer}`],
  );
  return parseConfig(
    {
      dataDir: folder,
      run: {
        ...{ mode: "agreed", members: peers, rounds, seed, attackersMax: 1 },
        ...{ steps: TASK.steps, checkpointSteps: 2, start: { members: "all" } },
      },
      network: { listen: [address(index)], bootstrap, redialBaseMs: 50 },
      gate: { enabled: false },
      timing: TIMING,
    },
    folder,
  );
}

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createIdentity, createNetwork, type Identity } from "../../src/gossip/index.ts";
import { parseConfig } from "../../src/node/config/load.ts";
import { networkConfig } from "../../src/node/config/network-config.ts";
import { createNode } from "../../src/node/embed.ts";
import { identityFile } from "../../src/node/folders/data-folder.ts";
import { systemClock } from "../../src/node/peer/clock.ts";
import type { KlatchNode } from "../../src/node/peer/node.ts";
import { openAgreedUpdates, openUpdates, type PeerPorts } from "../../src/node/peer/ports.ts";
import { silentLogger } from "../../src/node/process/logger.ts";
import { freePorts } from "../../testnet/processes/free-ports.ts";
import { Life } from "../../testnet/simulation/life.ts";
import { quadraticLearner } from "../../testnet/simulation/quadratic-learner.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A node of a run: everything is real, its network, clock and store too, but what it learns. */
export interface QuickNode {
  readonly peerId: string;
  readonly dataDir: string;
  readonly node: KlatchNode;
  /** The same node as another process would open it, once this one has stopped. */
  again(): Promise<QuickNode>;
}

export interface QuickRun {
  readonly peers: number;
  readonly rounds: number;
  readonly trainMs: number;
  /** How many times longer some peers train. */
  readonly slowness?: Readonly<Record<number, number>>;
  readonly timing: object;
  /** How many of the peers, the last ones, are no members when the run begins. */
  readonly guests?: number;
  /** `run.rounds` of peers that are configured otherwise. */
  readonly roundsOf?: Readonly<Record<number, number>>;
  /** Further keys of section `run`. */
  readonly terms?: object;
  /** What becomes of a dishonest peer's ports. */
  readonly disguises?: Readonly<Record<number, (ports: PeerPorts) => PeerPorts>>;
}

/** Starts nodes that know each other's addresses; they stop when the test has finished. */
export async function startQuickNodes(run: QuickRun): Promise<readonly QuickNode[]> {
  const folders = Array.from({ length: run.peers }, () => join(temporaryFolder(), "node"));
  const identities = await Promise.all(folders.map((folder) => identityIn(folder)));
  const ports = await freePorts(run.peers);
  const nodes = await Promise.all(
    identities.map((identity, index) => make(run, { identity, index, identities, ports, folders })),
  );
  onTestFinished(async () => {
    await Promise.all(nodes.map(({ node }) => node.stop()));
  });
  await Promise.all(nodes.map(({ node }) => node.start()));
  return nodes;
}

// --- internal ---

interface Place {
  readonly identity: Identity;
  readonly index: number;
  readonly identities: readonly Identity[];
  readonly ports: readonly number[];
  readonly folders: readonly string[];
}

const TASK = { seed: 1, dimensions: 64, heterogeneity: 0.1 };
const REAL_TIME = {
  after: (milliseconds: number, run: () => void) => void setTimeout(run, milliseconds),
  get now() {
    return systemClock.now();
  },
};

async function make(run: QuickRun, place: Place): Promise<QuickNode> {
  const { identity, index, identities } = place;
  const config = configOf(run, place);
  const network = await createNetwork(networkConfig(config), { key: identity.key });
  const learner = quadraticLearner(
    { ...TASK, trainMs: run.trainMs },
    { index, time: REAL_TIME, life: new Life(), slowness: run.slowness?.[index] ?? 1 },
  );
  const honest: PeerPorts = {
    learner,
    network,
    clock: systemClock,
    updates: openUpdates(config),
    agreedUpdates: openAgreedUpdates(config, learner.info.layout),
  };
  const ports = run.disguises?.[index]?.(honest) ?? honest;
  const node = createNode(config, { ...ports, log: silentLogger() });
  return {
    ...{ peerId: identities[index]?.peerId ?? "", dataDir: config.dataDir, node },
    again: async () => {
      const next = await make(run, place);
      onTestFinished(() => next.node.stop());
      await next.node.start();
      return next;
    },
  };
}

async function identityIn(folder: string): Promise<Identity> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return await createIdentity(identityFile(folder));
}

function configOf(
  { rounds, timing, guests = 0, roundsOf = {}, terms = {} }: QuickRun,
  { index, identities, ports, folders }: Place,
) {
  const folder = folders[index] ?? "";
  const address = (place: number) => `/ip4/127.0.0.1/tcp/${ports[place]}`;
  const others = identities.flatMap(({ peerId }, place) =>
    place === index ? [] : [`${address(place)}/p2p/${peerId}`],
  );
  const members = identities.slice(0, identities.length - guests).map(({ peerId }) => peerId);
  return parseConfig(
    {
      dataDir: folder,
      run: {
        members,
        rounds: roundsOf[index] ?? rounds,
        attackersMax: 1,
        start: { members: "all" },
        ...terms,
      },
      network: { listen: [address(index)], bootstrap: others, redialBaseMs: 50 },
      gate: { enabled: false },
      timing,
    },
    folder,
  );
}

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { createIdentity } from "../../src/gossip/index.ts";
import { identityFile } from "../../src/node/folders/data-folder.ts";
import type { PeerId } from "../../src/types.ts";
import type { PeerData, RunData } from "../data/run-data.ts";
import { ownRankOf, type TestnetOptions } from "../options.ts";
import { cacheName } from "../working-folder.ts";
import { freePorts } from "./free-ports.ts";

/** Where a peer runs: the address of its own there, and the command, if any, by which a process gets there. */
export interface Site {
  readonly host: string;
  readonly enter: readonly string[];
  /** Of an address that nobody else uses; free ones of this machine when absent. */
  readonly ports?: { readonly peer: number; readonly status: number };
}

/** This machine, which no other reaches. */
export const LOOPBACK: Site = { host: "127.0.0.1", enter: [] };

/** Everything needed to start one peer and to ask for its state. */
export interface PeerPlan extends PeerData {
  readonly id: PeerId;
  readonly configFile: string;
  readonly address: string;
  readonly listen: string;
  readonly site: Site;
  readonly statusPort: number;
}

/** The node's own data folder in a peer's folder. */
export function dataFolder(peerFolder: string): string {
  return join(peerFolder, "node");
}

/** Gives every peer an identity of its own; returns the peer ids in the order of the peers. */
export async function createIdentities(peers: readonly PeerData[]): Promise<PeerId[]> {
  const ids: PeerId[] = [];
  for (const { folder } of peers) {
    const dataDir = dataFolder(folder);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const identity = await createIdentity(identityFile(dataDir));
    ids.push(identity.peerId);
  }
  return ids;
}

/** Chooses ports that are free now and writes every peer's configuration file. */
export async function planPeers(
  options: TestnetOptions,
  data: RunData,
  ids: readonly PeerId[],
  siteOf: (index: number) => Site = () => LOOPBACK,
): Promise<PeerPlan[]> {
  const ports = await freePorts(2 * data.peers.length);
  const plans = data.peers.map((peer, index): PeerPlan => {
    const id = ids[index] ?? "";
    const site = siteOf(index);
    const [peerPort, statusPort] = ports.slice(2 * index) as [number, number];
    const listen = `/ip4/${site.host}/tcp/${site.ports?.peer ?? peerPort}`;
    return {
      ...peer,
      ...{ id, site },
      listen,
      address: `${listen}/p2p/${id}`,
      statusPort: site.ports?.status ?? statusPort,
      configFile: join(peer.folder, "klatch.yaml"),
    };
  });
  for (const plan of plans) {
    writeFileSync(plan.configFile, stringify(nodeConfig(options, data, plan, plans)));
  }
  return plans;
}

/** The part of a node's configuration that decides how it trains: also what the baselines train with. */
export function trainingConfig(
  options: TestnetOptions,
  data: {
    readonly train: readonly string[];
    readonly test: string;
    readonly classes: readonly string[];
    /** That this peer trains, of the run's; all of it when absent. */
    readonly rank?: number | null;
  },
) {
  const { adapterKind: kind, rank, alpha, targets, columns } = options;
  return {
    model: options.model,
    run: {
      name: "testnet",
      task: options.task,
      classes: data.classes,
      rounds: options.rounds,
      steps: options.steps,
      batchSize: options.batchSize,
      sequenceMax: options.sequenceMax,
      seed: options.seed,
      mode: options.mode,
      rule: options.rule,
      agreedRule: options.agreedRule,
      outer: { momentum: options.outerMomentum },
      factors: options.factors,
      adapter: { kind, rank, alpha, targets },
      rankMin: options.ranks === undefined ? null : Math.min(...options.ranks),
      optimizer: {
        learningRate: options.learningRate,
        ...(options.proximal === undefined ? {} : { proximal: options.proximal }),
      },
      topology: options.topology,
      codec: options.codec,
      bytesPerRound: options.bytesPerRound ?? null,
      feedback: options.feedback,
      warmUp: options.warmUp,
    },
    training: { rank: data.rank ?? null },
    data: { train: data.train, columns, test: [data.test] },
    engine: { name: options.engine, threads: options.threads, dtype: options.dtype },
  };
}

/** Room between the two graces, so that a peer that closes its round last is still served, ms. */
const FETCH_EXTRA_MS = 10_000;

/** A node's configuration, as an operator would have written it. */
function nodeConfig(
  options: TestnetOptions,
  data: RunData,
  plan: PeerPlan,
  plans: readonly PeerPlan[],
): object {
  const training = trainingConfig(options, {
    train: [plan.dataFile],
    test: data.testFile,
    classes: data.classes,
    rank: ownRankOf(options, plan.index),
  });
  return {
    ...training,
    cache: cacheName(),
    dataDir: dataFolder(plan.folder),
    run: { ...training.run, members: plans.map(({ id }) => id) },
    network: {
      listen: [plan.listen],
      bootstrap: plans.filter(({ id }) => id !== plan.id).map(({ address }) => address),
      link: options.link ?? null,
    },
    timing: {
      commitGraceMs: options.commitGraceMs,
      fetchGraceMs: options.commitGraceMs + FETCH_EXTRA_MS,
    },
    gate: { enabled: options.gate },
    status: {
      ...{ host: plan.site.host, port: plan.statusPort },
      allowRemote: plan.site !== LOOPBACK,
    },
  };
}

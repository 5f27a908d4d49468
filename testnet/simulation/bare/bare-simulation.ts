import { createHash } from "node:crypto";
import {
  codecByName,
  differencesToStart,
  MixingPlan,
  parseTopology,
  type RoundTiming,
  roundTimingSchema,
  type Updates,
} from "../../../src/consensus/index.ts";
import type { Random } from "../../../src/random.ts";
import type { Digest, MixingRule, PeerId } from "../../../src/types.ts";
import { createRandom } from "../../random.ts";
import { Life } from "../life.ts";
import {
  commonPoint,
  type QuadraticTask,
  quadraticLearner,
  quadraticLoss,
} from "../quadratic-learner.ts";
import type { SimulationResult } from "../result.ts";
import { VirtualTime } from "../virtual-time.ts";
import { ANNOUNCEMENT_BYTES, HEARTBEAT_MS, LATENCY_MS, TRANSFER_MS } from "../wire-times.ts";
import { BarePeer, type BareWorld } from "./bare-peer.ts";

/** A network of bare peers, as data: the same gives the same history. */
export interface BareScenario {
  readonly seed: number;
  readonly peers: number;
  readonly rounds: number;
  readonly steps: number;
  readonly topology: string;
  readonly rule: MixingRule;
  readonly lossRate: number;
}

const START_SPREAD_MS = 2000;
const DAY_MS = 86_400_000;

/**
 * Peers of mode `gossip` that are the pure protocol and no more: the real step of a round, graph, codec and mixing rule,
 * with the quadratic task in virtual time. What it has not: the node, its store, gate, standings and attackers, digests
 * and signatures. An announcement goes to those who may ever exchange with its author, not to everybody, and only there
 * it is counted.
 */
export class BareSimulation implements BareWorld {
  readonly peers: readonly BarePeer[];
  readonly #scenario: BareScenario;
  readonly #task: QuadraticTask;
  readonly #time = new VirtualTime();
  readonly #random: Random;
  readonly #byId: ReadonlyMap<PeerId, BarePeer>;
  readonly #acquainted: ReadonlyMap<PeerId, readonly PeerId[]>;
  #failure: { readonly error: unknown } | null = null;

  constructor(scenario: BareScenario) {
    const { seed, peers, rounds, steps, topology, rule } = scenario;
    this.#scenario = scenario;
    this.#random = createRandom(seed, "wire");
    this.#task = { seed, dimensions: 16, heterogeneity: 0.5, trainMs: 4000, steps };
    const names = Array.from({ length: peers }, (_, i) => `peer ${String(i).padStart(5, "0")}`);
    const plan = new MixingPlan(parseTopology(topology), names, seed);
    this.#acquainted = acquaintances(plan, rounds);
    const timing: RoundTiming = roundTimingSchema.parse({});
    const updates: Updates = differencesToStart(codecByName("int8"));
    const initial = new Float32Array(this.#task.dimensions);
    const life = new Life();
    this.peers = plan.peers.map((self, index) => {
      const at = (round: number) => ({
        neighbours: [...plan.sharesOf(self, round).keys()],
        attackersMax: 0,
      });
      const everyone = this.#acquainted.get(self) ?? [];
      return new BarePeer(
        {
          learner: quadraticLearner(this.#task, { index, time: this.#time, life, slowness: 1 }),
          config: { self, ...at(0), later: { everyone, at }, rounds, timing },
          sharesIn: (round) => plan.sharesOf(self, round),
          ...{ initial, updates, rule, steps },
        },
        this,
      );
    });
    this.#byId = new Map(this.peers.map((peer) => [peer.id, peer]));
  }

  get now(): number {
    return this.#time.now;
  }

  /** Runs until all have finished; throws what a peer could not go on from. */
  async run(): Promise<void> {
    const random = createRandom(this.#scenario.seed, "start");
    for (const peer of this.peers) {
      this.#time.after(random() * START_SPREAD_MS, () => peer.dispatch({ type: "started" }));
    }
    let left = this.peers;
    await this.#time.run(DAY_MS, () => {
      // those that have finished stay so: looking at the first that has not is enough
      if (left[0]?.isFinished === true) left = left.filter(({ isFinished }) => !isFinished);
      return this.#failure !== null || left.length === 0;
    });
    if (this.#failure !== null) throw this.#failure.error;
  }

  result(): SimulationResult {
    const { peers } = this;
    const common = commonPoint(this.#task);
    const digest = createHash("sha256");
    let [loss, bytes] = [0, 0];
    for (const { adapter, rounds, mixedRounds, accusations, bytesSent } of peers) {
      digest.update(new Uint8Array(adapter.buffer, adapter.byteOffset, adapter.byteLength));
      digest.update(JSON.stringify([rounds, mixedRounds, accusations]));
      loss += quadraticLoss(common, adapter) / peers.length;
      bytes += bytesSent / peers.length;
    }
    return {
      rounds: peers.reduce((least, { rounds }) => Math.min(least, rounds), Number.MAX_SAFE_INTEGER),
      loss,
      bytesPerPeer: Math.round(bytes),
      virtualSeconds: this.now / 1000,
      digest: digest.digest("hex"),
    };
  }

  // --- what peers ask of the world ---

  after(milliseconds: number, run: () => void): void {
    this.#time.after(milliseconds, run);
  }

  announce(from: BarePeer, round: number, payload: Digest): void {
    const event = { type: "announced", peer: from.id, round, payload, payloadBytes: 0 } as const;
    for (const id of this.#acquainted.get(from.id) ?? []) {
      from.bytesSent += ANNOUNCEMENT_BYTES;
      const to = this.#byId.get(id);
      this.#time.after(this.#latency(), () => to?.dispatch(event));
    }
  }

  fetch(
    client: BarePeer,
    peer: PeerId,
    payload: Digest,
    arrive: (bytes: Uint8Array) => void,
  ): void {
    const server = this.#byId.get(peer);
    this.#time.after(this.#between(LATENCY_MS), () => {
      server?.serve(payload, client.id, (bytes) => {
        server.bytesSent += bytes.length;
        this.#time.after(this.#between(TRANSFER_MS), () => arrive(bytes));
      });
    });
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  // --- internal ---

  /** Lost announcements come with a later heartbeat, as often as they are lost. */
  #latency(): number {
    let milliseconds = this.#between(LATENCY_MS);
    while (this.#random() < this.#scenario.lossRate) {
      milliseconds += HEARTBEAT_MS + this.#between(LATENCY_MS);
    }
    return milliseconds;
  }

  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + (most - least) * this.#random();
  }
}

// --- internal ---

/** For every peer all that it takes shares of in some round, and all that take of it. */
function acquaintances(plan: MixingPlan, rounds: number): ReadonlyMap<PeerId, readonly PeerId[]> {
  const known = plan.peers.map(() => new Set<number>());
  const seen = new Set<unknown>();
  for (let round = 0; round < rounds; round++) {
    const graph = plan.at(round);
    if (seen.has(graph)) continue;
    seen.add(graph);
    for (const [place, shares] of graph.entries()) {
      for (const other of shares.keys()) {
        known[place]?.add(other);
        known[other]?.add(place);
      }
    }
  }
  return new Map(
    plan.peers.map((peer, place) => [
      peer,
      [...(known[place] ?? [])].map((other) => plan.peers[other] as PeerId),
    ]),
  );
}

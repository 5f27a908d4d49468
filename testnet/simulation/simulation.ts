import assert from "node:assert/strict";
import { peerIdOf } from "../../src/gossip/index.ts";
import { type Config, configSchema } from "../../src/node/config/config.ts";
import { createMetrics } from "../../src/node/peer/metrics.ts";
import {
  openAgreedUpdates,
  openUpdates,
  type PeerLearner,
  type PeerPorts,
} from "../../src/node/peer/ports.ts";
import type { PeerId } from "../../src/types.ts";
import { decorated } from "../attacks/attack.ts";
import { colluding, Overview } from "../attacks/collusion.ts";
import { createRandom } from "../random.ts";
import type { CrashPoint } from "./crash-points.ts";
import { clockOf, type Life } from "./life.ts";
import { MemoryWire } from "./memory-network.ts";
import type { DiskCopy } from "./memory-store.ts";
import {
  commonPoint,
  type QuadraticTask,
  quadraticLearner,
  quadraticLoss,
} from "./quadratic-learner.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { SimulatedPeer } from "./simulated-peer.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Peers start within this time of one another, ms. */
const START_SPREAD_MS = 2000;
const DAY_MS = 86_400_000;
/** How long a peer is away at a time where peers come and go, on average: some three rounds. */
const AWAY_MS = 20_000;
/** Of a round, unless a scenario says otherwise. */
const STEPS = 5;

/** A network of real nodes over simulated ports, in virtual time. */
export class Simulation {
  readonly peers: readonly SimulatedPeer[];
  readonly time = new VirtualTime();
  readonly task: QuadraticTask;
  readonly #scenario: Scenario;
  readonly #wire: MemoryWire;
  /** What attackers see of the honest. */
  readonly #overview = new Overview();
  #failure: { readonly error: unknown } | null = null;

  constructor(scenario: Scenario) {
    const { seed, peers, dimensions = 16, heterogeneity = 0.5, trainMs = 4000 } = scenario;
    const { steps = STEPS, paceSpread, ranks } = scenario;
    this.#scenario = scenario;
    const pace = paceSpread === undefined ? {} : { paceSpread };
    const ranked = ranks === undefined ? {} : { rank: Math.max(...ranks) };
    this.task = { seed, dimensions, heterogeneity, trainMs, steps, ...pace, ...ranked };
    const ids = Array.from({ length: peers }, (_, index) => simulatedId(seed, index));
    this.#wire = new MemoryWire(this.time, {
      random: createRandom(seed, "wire"),
      lossRate: scenario.lossRate ?? 0,
      brokenRate: scenario.brokenRate ?? 0,
      isCut: this.#cut(ids),
    });
    this.peers = this.#createPeers(ids);
    this.#planStarts();
    this.#planChurn();
    this.#planLostDisks();
    this.#planReconfigurations();
    for (const { from, until } of this.#faults("partition")) {
      for (const at of [from, until]) this.time.after(at, () => this.#wire.regroup());
    }
  }

  /** Honest peers that are not gone for good. */
  get watched(): readonly SimulatedPeer[] {
    const gone = this.#faults("crash").flatMap(({ peer, backAfter }) =>
      backAfter === null ? [peer] : [],
    );
    return this.peers.filter((peer) => peer.isHonest && !gone.includes(peer.index));
  }

  /** Runs until every watched peer has finished, or time is up; throws what no simulated fault explains. */
  async run(): Promise<void> {
    const { watched } = this;
    const isDone = () =>
      this.#failure !== null || watched.every(({ finishedAt }) => finishedAt !== null);
    await this.time.run(this.#scenario.untilMs ?? DAY_MS, isDone);
    if (this.#failure !== null) throw this.#failure.error;
  }

  // --- internal ---

  #faults<Kind extends Fault["kind"]>(kind: Kind): readonly Extract<Fault, { kind: Kind }>[] {
    const { faults = [] } = this.#scenario;
    return faults.filter((fault): fault is Extract<Fault, { kind: Kind }> => fault.kind === kind);
  }

  #createPeers(ids: readonly PeerId[]): readonly SimulatedPeer[] {
    const { seed, attacks = {} } = this.#scenario;
    const config = configOf(this.#scenario, ids, this.#scenario);
    const common = commonPoint(this.task);
    const metrics = createMetrics();
    const attackers = Object.keys(attacks).length;
    const { agreedRule: rule } = config.run;
    const collusion = colluding({ members: ids.length, attackers, rule }, this.#overview.updatesOf);
    return ids.map(
      (id, index) =>
        new SimulatedPeer({
          ...{ id, index, metrics, seed, collusion },
          config: this.#withRank(config, index),
          attack: attacks[index] ?? null,
          ports: (life) => this.#openPorts(id, index, this.#withRank(config, index), life),
          lossOf: (state) => quadraticLoss(common, state),
          onCommit: (round, checkpoint) => this.#scenario.onCommit?.(index, round, checkpoint),
          now: () => this.time.now,
          onFailure: (error) => {
            this.#failure ??= { error };
          },
        }),
    );
  }

  /** The same section `run` for all: nodes that share it share its graph. */
  #withRank(config: Config, index: number): Config {
    const { ranks } = this.#scenario;
    return ranks === undefined
      ? config
      : { ...config, training: { rank: ranks[index % ranks.length] ?? null } };
  }

  #openPorts(id: PeerId, index: number, config: Config, life: Life): PeerPorts {
    const { time, task } = this;
    const slowness = this.#faults("slow").find(({ peer }) => peer === index)?.factor ?? 1;
    const isStubborn = this.#faults("stubborn").some(({ peer }) => peer === index);
    const { rank } = config.training;
    const own = rank === null ? {} : { rank };
    const learner = quadraticLearner(task, { index, time, life, slowness, isStubborn, ...own });
    const { updates, agreedUpdates, disguise = (ports) => ports } = this.#scenario;
    const ports: PeerPorts = {
      learner: this.#shown(learner, index),
      network: this.#wire.join(id, life),
      clock: clockOf(time, life),
      updates: updates ?? openUpdates(config),
      agreedUpdates: agreedUpdates ?? openAgreedUpdates(config, learner.info.layout),
    };
    return disguise(ports, index);
  }

  /** A learner whose updates attackers see, if there are any and it is honest. */
  #shown(learner: PeerLearner, index: number): PeerLearner {
    const { attacks = {} } = this.#scenario;
    if (Object.keys(attacks).length === 0 || attacks[index] !== undefined) return learner;
    return decorated(learner, {
      train: async (request, signal) => {
        const result = await learner.train(request, signal);
        const { round, adapter: before } = request;
        const update = result.adapter.map((at, k) => at - (before[k] ?? 0));
        this.#overview.note(round, index, update);
        return result;
      },
    });
  }

  #planStarts(): void {
    const random = createRandom(this.#scenario.seed, "start");
    const points = new Map(this.#faults("crash-at-call").map((fault) => [fault.peer, fault]));
    for (const peer of this.peers) {
      const point = points.get(peer.index) ?? null;
      this.time.after(random() * START_SPREAD_MS, () => this.#start(peer, point));
    }
    for (const { peer: index, at, backAfter } of this.#faults("crash")) {
      const peer = this.peers[index];
      assert(peer, "a crash names a peer of the scenario");
      this.time.after(at, () => peer.kill());
      if (backAfter !== null) this.time.after(at + backAfter, () => this.#start(peer, null));
    }
  }

  /** Each is there for a while and away for a while, until it has finished. */
  #planChurn(): void {
    const { seed, churn = 0 } = this.#scenario;
    if (churn === 0) return;
    for (const peer of this.peers) {
      const random = createRandom(seed, "churn", peer.index);
      const around = (ms: number) => (0.5 + random()) * ms;
      const stay = (): void => {
        this.time.after(around((AWAY_MS * (1 - churn)) / churn), () => {
          if (peer.finishedAt !== null) return;
          peer.kill();
          this.time.after(around(AWAY_MS), () => {
            this.#start(peer, null);
            stay();
          });
        });
      };
      this.time.after(START_SPREAD_MS, stay);
    }
  }

  #planLostDisks(): void {
    for (const { peer: index, at, backAfter, copiedAt } of this.#faults("lose-disk")) {
      const peer = this.peers[index];
      assert(peer, "a disk is that of a peer of the scenario");
      let copy: DiskCopy | undefined;
      if (copiedAt !== null) {
        this.time.after(copiedAt, () => {
          copy = peer.disk.copy();
        });
      }
      this.time.after(at, () => peer.kill());
      this.time.after(at + backAfter, () => {
        peer.disk.putBack(copy);
        this.#start(peer, null);
      });
    }
  }

  #planReconfigurations(): void {
    const ids = this.peers.map(({ id }) => id);
    for (const fault of this.#faults("reconfigure")) {
      const peer = this.peers[fault.peer];
      assert(peer, "a reconfiguration names a peer of the scenario");
      this.time.after(fault.at, () => {
        peer.kill();
        peer.reconfigure(this.#withRank(configOf(this.#scenario, ids, fault), fault.peer));
      });
      this.time.after(fault.at + fault.backAfter, () => this.#start(peer, null));
    }
  }

  #start(peer: SimulatedPeer, crash: (CrashPoint & { readonly backAfter: number }) | null): void {
    peer.start(crash, () => {
      this.time.after(crash?.backAfter ?? 0, () => this.#start(peer, null));
    });
  }

  #cut(ids: readonly PeerId[]): (a: PeerId, b: PeerId) => boolean {
    const partitions = this.#faults("partition");
    if (partitions.length === 0) return () => false;
    const indexOf = new Map(ids.map((id, index) => [id, index]));
    return (a, b) =>
      partitions.some(
        ({ peers, from, until }) =>
          (indexOf.get(a) ?? 0) < peers !== (indexOf.get(b) ?? 0) < peers &&
          this.time.now >= from &&
          this.time.now < until,
      );
  }
}

/** A peer id that nobody has the key of. */
function simulatedId(seed: number, index: number): PeerId {
  const random = createRandom(seed, "identity", index);
  return peerIdOf(Uint8Array.from({ length: 32 }, () => Math.floor(256 * random())));
}

/** The configuration of a scenario's peers; what an operator may change while a run lasts is `change`'s. */
function configOf(
  scenario: Scenario,
  ids: readonly PeerId[],
  { rounds = scenario.rounds, roster = scenario.roster ?? [] }: Partial<Scenario>,
): Config {
  const {
    steps = STEPS,
    checkpointSteps,
    topology = "full",
    rule = "cs-plus",
    codec,
    attackersMax,
  } = scenario;
  const { mode = "gossip", agreedRule, warmUp, ranks, outerMomentum: momentum } = scenario;
  const members = ids.slice(0, scenario.members);
  const edits = roster.map(
    ({ round, peer, joins }) => `${round + 1} ${joins ? "+" : "-"}${ids[peer]}`,
  );
  return configSchema.parse({
    run: {
      name: "simulation",
      ...{ rounds, steps, topology, mode, rule, members, roster: edits },
      ...(agreedRule === undefined ? {} : { agreedRule }),
      ...(checkpointSteps === undefined ? {} : { checkpointSteps }),
      ...(attackersMax === undefined ? {} : { attackersMax }),
      ...(codec === undefined ? {} : { codec }),
      ...(warmUp === undefined ? {} : { warmUp }),
      ...(ranks === undefined
        ? {}
        : { adapter: { rank: Math.max(...ranks) }, rankMin: Math.min(...ranks) }),
      ...(momentum === undefined ? {} : { outer: { momentum } }),
    },
    gate: { enabled: scenario.gate ?? true },
    // on the memory wire everybody is connected
    network: { maxPeers: 1000 },
    timing: scenario.timing ?? {},
  });
}

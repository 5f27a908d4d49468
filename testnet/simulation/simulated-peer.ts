import type { Config } from "../../src/node/config/config.ts";
import type { Metrics } from "../../src/node/peer/metrics.ts";
import { createNode, type KlatchNode } from "../../src/node/peer/node.ts";
import type { PeerPorts } from "../../src/node/peer/ports.ts";
import { silentLogger } from "../../src/node/process/logger.ts";
import type { RoundRecord } from "../../src/node/records/records.ts";
import type { Checkpoint, Store } from "../../src/node/store/contract.ts";
import type { Evidence, PeerId } from "../../src/types.ts";
import { type Collusion, decorated } from "../attacks/attack.ts";
import { ATTACKS, type AttackName } from "../attacks/catalogue.ts";
import { createRandom } from "../random.ts";
import { type CrashPoint, PortCalls } from "./crash-points.ts";
import { Life } from "./life.ts";
import { MemoryDisk } from "./memory-store.ts";

/** What a simulated peer is made of. */
export interface PeerSetup {
  readonly id: PeerId;
  readonly index: number;
  readonly attack: AttackName | null;
  /** What it knows if it attacks. */
  readonly collusion: Collusion;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly seed: number;
  /** Opens the ports of a new process. */
  readonly ports: (life: Life) => PeerPorts;
  /** Loss of a state on the common task. */
  readonly lossOf: (state: Float32Array) => number;
  /** Told what is kept at the end of a round. */
  readonly onCommit: (round: number, checkpoint: Checkpoint) => void;
  /** Virtual milliseconds. */
  readonly now: () => number;
  /** Told of an error that no simulated fault explains. */
  readonly onFailure: (error: unknown) => void;
}

const log = silentLogger();

/** One peer: a disk that lasts, and the processes that run the real node over it, one after the other. */
export class SimulatedPeer {
  readonly id: PeerId;
  readonly index: number;
  readonly attack: AttackName | null;
  readonly disk = new MemoryDisk();
  /** Every payload that was ever announced, by round. */
  readonly announced = new Map<number, Set<string>>();
  /** Loss of the state that each round ended with. */
  readonly losses = new Map<number, number>();
  finishedAt: number | null = null;
  /** Steps of training that its processes began. */
  stepsBegun = 0;
  readonly #setup: PeerSetup;
  #config: Config;
  #life: Life | null = null;
  #node: KlatchNode | null = null;
  #calls: PortCalls | null = null;

  constructor(setup: PeerSetup) {
    this.#setup = setup;
    this.#config = setup.config;
    this.id = setup.id;
    this.index = setup.index;
    this.attack = setup.attack;
  }

  get isHonest(): boolean {
    return this.attack === null;
  }

  /** Calls of ports that the running process has made. */
  get calls(): number {
    return this.#calls?.count ?? 0;
  }

  /** The running process's node; null before the first. */
  get node(): KlatchNode | null {
    return this.#node;
  }

  /** Rounds that were finished, the first first. */
  get rounds(): readonly RoundRecord[] {
    return this.disk.rounds;
  }

  /** What it saw others do; what is to their credit is not kept. */
  get evidence(): readonly Evidence[] {
    return this.disk.evidence;
  }

  /** Starts a process, which may be one that dies at a point of its life. */
  start(crash: CrashPoint | null, onCrash: () => void): void {
    const { metrics, onFailure, now } = this.#setup;
    const config = this.#config;
    const life = new Life();
    const calls = new PortCalls(life, crash, onCrash);
    const fail = (error: unknown) => {
      if (!life.isOver) onFailure(error);
    };
    const ports = this.#ports(life, calls);
    const store = calls.counted(this.#lossesNoted(this.disk.open(life)));
    const node = createNode(config, { log, store, metrics, ports: async () => ports });
    [this.#life, this.#calls, this.#node] = [life, calls, node];
    node.start().catch(fail);
    node.finished.then(() => {
      this.finishedAt ??= now();
    }, fail);
  }

  /** Processes that start from now on have another configuration. */
  reconfigure(config: Config): void {
    this.#config = config;
    this.finishedAt = null;
  }

  /** The process dies, as under SIGKILL. */
  kill(): void {
    this.#life?.end();
  }

  // --- internal ---

  #ports(life: Life, calls: PortCalls): PeerPorts {
    const { ports: open, attack, collusion, seed, index } = this.#setup;
    const { network, ...others } = open(life);
    const ports = {
      learner: calls.counted(this.#stepsNoted(others.learner)),
      network: calls.counted(this.#noted(network)),
      clock: calls.counted(others.clock),
      updates: others.updates,
      agreedUpdates: others.agreedUpdates,
    };
    if (attack === null) return ports;
    return ATTACKS[attack].disguise(ports, {
      rounds: this.#config.run.rounds,
      collusion,
      random: (round) => createRandom(seed, "attack", index, round),
    });
  }

  /** The store, with a note of what was reached. */
  #lossesNoted(store: Store): Store {
    return decorated(store, {
      commitRound: (checkpoint, record) => {
        this.losses.set(record.round, this.#setup.lossOf(checkpoint.adapter));
        this.#setup.onCommit(record.round, checkpoint);
        store.commitRound(checkpoint, record);
      },
    });
  }

  /** The learner, with a note of all steps that it is asked for. */
  #stepsNoted(learner: PeerPorts["learner"]): PeerPorts["learner"] {
    return decorated(learner, {
      train: (request, signal) => {
        this.stepsBegun += request.steps;
        return learner.train(request, signal);
      },
    });
  }

  /** The network, with a note of all that is announced. */
  #noted(network: PeerPorts["network"]): PeerPorts["network"] {
    return decorated(network, {
      announce: (announcement) => {
        const { round, payload } = announcement;
        this.announced.set(round, (this.announced.get(round) ?? new Set()).add(payload));
        return network.announce(announcement);
      },
    });
  }
}

import assert from "node:assert/strict";
import type { Evidence } from "../types.ts";
import type { Config } from "./config/config.ts";
import { createMetrics, type Metrics } from "./peer/metrics.ts";
import { createNode as createPeer, type KlatchNode } from "./peer/node.ts";
import { openPorts, type PeerPorts } from "./peer/ports.ts";
import { createLogger, type Logger } from "./process/logger.ts";
import type { ChainBlock, Machine, NodeStatus, RoundRecord } from "./records/records.ts";
import type { Store } from "./store/contract.ts";
import { openStore } from "./store/store.ts";

/**
 * What a program brings itself: any of learner, network, clock and updates, which belong to the node from its start
 * to its stop; and a store, a log, metrics, which stay the program's. What is left out is opened as the configuration
 * says.
 */
export interface OwnParts extends Partial<PeerPorts> {
  readonly store?: Store;
  readonly log?: Logger;
  readonly metrics?: Metrics;
}

/**
 * One peer of a run inside a program. Touches nothing until `start`; what it tells can be asked from then until
 * `stop`.
 */
export function createNode(config: Config, own: OwnParts = {}): KlatchNode {
  return new EmbeddedNode(config, own);
}

// --- internal ---

class EmbeddedNode implements KlatchNode {
  readonly #config: Config;
  readonly #own: OwnParts;
  readonly #finished = Promise.withResolvers<void>();
  #starting: Promise<void> | null = null;
  #running: KlatchNode | null = null;
  /** Gives back what it opened itself. */
  #release: () => void = () => undefined;

  constructor(config: Config, own: OwnParts) {
    this.#config = config;
    this.#own = own;
    this.#finished.promise.catch(() => undefined);
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  start(signal?: AbortSignal): Promise<void> {
    assert(this.#starting === null, "a node is started once");
    this.#starting = this.#start(signal);
    return this.#starting;
  }

  async stop(): Promise<void> {
    // What fails is told by the start itself.
    await this.#starting?.catch(() => undefined);
    await this.#running?.stop();
    this.#release();
  }

  status(): NodeStatus {
    return this.#started.status();
  }

  rounds(limit: number, offset = 0): readonly RoundRecord[] {
    return this.#started.rounds(limit, offset);
  }

  evidence(limit: number, offset = 0): readonly Evidence[] {
    return this.#started.evidence(limit, offset);
  }

  chain(limit: number, offset = 0): readonly ChainBlock[] {
    return this.#started.chain(limit, offset);
  }

  machine(): Machine {
    return this.#started.machine();
  }

  async #start(signal?: AbortSignal): Promise<void> {
    const { store: given, log = createLogger(this.#config.log), metrics, ...ports } = this.#own;
    const store = given ?? openStore(this.#config.dataDir, { warn: (text) => log.warn(text) });
    if (given === undefined) this.#release = () => store.close();
    const node = createPeer(this.#config, {
      ...{ log, store, metrics: metrics ?? createMetrics() },
      ports: (config, context) => openPorts(config, context, ports),
    });
    node.finished.then(this.#finished.resolve, this.#finished.reject);
    try {
      await node.start(signal);
    } catch (error) {
      this.#release();
      throw error;
    }
    this.#running = node;
  }

  get #started(): KlatchNode {
    assert(this.#running, "a node tells something once it has started");
    return this.#running;
  }
}

import assert from "node:assert/strict";
import type { MemoryPlan } from "../../training/index.ts";
import type { Evidence, RunMode } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { modeOf } from "../config/mode-of.ts";
import type { Logger } from "../process/logger.ts";
import type {
  ChainBlock,
  Machine,
  NodeEvent,
  NodeStatus,
  RoundRecord,
} from "../records/records.ts";
import type { Store } from "../store/contract.ts";
import { describeMemory, memoryTrouble } from "../view/memory-text.ts";
import { AgreedDriver } from "./agreed/agreed-driver.ts";
import { toldChain } from "./agreed/told-chain.ts";
import { assemble, resumePoint } from "./assemble.ts";
import { Driver } from "./driver.ts";
import { listen } from "./listening.ts";
import type { Metrics } from "./metrics.ts";
import { nodeStatus } from "./node-status.ts";
import type { PeerParts } from "./peer-parts.ts";
import { type OpenPorts, openPorts, type PeerLearner, type PeerPorts } from "./ports.ts";
import type { RunDriver } from "./run-driver.ts";

export interface NodeDeps {
  readonly log: Logger;
  readonly store: Store;
  readonly metrics: Metrics;
  /** How learner, network, clock and updates are opened; the real ones unless given. */
  readonly ports?: OpenPorts;
  /** Told of what happens, as it happens. */
  readonly tell?: (event: NodeEvent) => void;
}

/** One peer of a run: learner, network, memory and the round that drives them. */
export interface KlatchNode {
  /** Loads the model, joins the network and takes up the run where the store left it. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  status(): NodeStatus;
  /** The last `limit` rounds but the newest `offset`, oldest first. */
  rounds(limit: number, offset?: number): readonly RoundRecord[];
  evidence(limit: number, offset?: number): readonly Evidence[];
  /** The same of final blocks; none in mode `gossip`. */
  chain(limit: number, offset?: number): readonly ChainBlock[];
  /** What it runs on. */
  machine(): Machine;
  /** Resolves when the last round is over and evaluated; rejects when the node cannot go on. */
  readonly finished: Promise<void>;
}

/** Wires the rooms into a node. Touches nothing until `start`. */
export function createNode(config: Config, deps: NodeDeps): KlatchNode {
  return new Node(config, deps);
}

// --- internal ---

class Node implements KlatchNode {
  readonly #config: Config;
  readonly #deps: NodeDeps;
  readonly #refusals = new Map<string, number>();
  readonly #finished = Promise.withResolvers<void>();
  #running: { readonly parts: PeerParts; readonly driver: RunDriver } | null = null;
  #startedAt = 0;
  #hasStarted = false;
  #isFinished = false;
  #isStopping = false;
  #memory: MemoryPlan | null = null;
  #toldState: NodeStatus["state"] | null = null;

  constructor(config: Config, deps: NodeDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#finished.promise.catch(() => undefined);
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  async start(signal?: AbortSignal): Promise<void> {
    const { log, store, ports: open = openPorts } = this.#deps;
    const ports = await open(this.#config, { store, log, ...(signal ? { signal } : {}) });
    this.#startedAt = ports.clock.wallClock();
    try {
      this.#memory = await logEngine(ports.learner, log);
      this.#running = await this.#wire(ports);
      await ports.network.start(signal);
    } catch (error) {
      await this.stop();
      await ports.learner.close();
      throw error;
    }
    const { driver } = this.#running;
    this.#hasStarted = true;
    this.#noteRun();
    this.#tellState();
    driver.start();
    driver.finished.then(
      () => {
        this.#isFinished = true;
        this.#tellState();
        this.#finished.resolve();
      },
      (error: unknown) => this.#finished.reject(error),
    );
  }

  async stop(): Promise<void> {
    if (this.#hasStarted && !this.#isStopping) this.#noteRun();
    this.#isStopping = true;
    this.#tellState();
    if (this.#running === null) return;
    const { driver, parts } = this.#running;
    await driver.stop();
    await parts.network.stop();
    await parts.learner.close();
  }

  status(): NodeStatus {
    assert(this.#running, "status is asked of a node that has started");
    return nodeStatus({
      ...this.#running,
      startedAt: this.#startedAt,
      stopping: this.#isStopping,
      finished: this.#isFinished,
      refusals: this.#refusals,
    });
  }

  rounds(limit: number, offset = 0): readonly RoundRecord[] {
    assert(this.#running, "rounds are asked of a node that has started");
    return this.#deps.store.rounds(this.#running.parts.run, limit, offset);
  }

  evidence(limit: number, offset = 0): readonly Evidence[] {
    assert(this.#running, "evidence is asked of a node that has started");
    return this.#deps.store.evidence(this.#running.parts.run, limit, offset);
  }

  chain(limit: number, offset = 0): readonly ChainBlock[] {
    assert(this.#running, "the chain is asked of a node that has started");
    const { parts, driver } = this.#running;
    const { blocks = 0 } = driver.describeAgreed() ?? {};
    return toldChain(parts, blocks, { limit, offset });
  }

  machine(): Machine {
    assert(this.#running && this.#memory, "its machine is asked of a node that has started");
    const { engine, parameters, layout } = this.#running.parts.learner.info;
    const { weights, activations, optimiser, total, available } = this.#memory;
    const training = { weights, activations, optimiser, total, available };
    return { engine, parameters, adapterValues: layout.length, training };
  }

  /** Passes on what happened, and whether the node is in another state since. */
  #tell(event: NodeEvent): void {
    this.#deps.tell?.(event);
    if (event.type === "peer" || event.type === "round") this.#tellState();
  }

  #tellState(): void {
    if (this.#deps.tell === undefined || this.#running === null || !this.#hasStarted) return;
    const { state } = this.status();
    if (state === this.#toldState) return;
    this.#toldState = state;
    this.#deps.tell({ type: "state", state });
  }

  /** Writes down what the run is and how far it is, for who reads the folder later. A node goes on without. */
  #noteRun(): void {
    assert(this.#running, "a run is noted once it is known");
    const { run, terms, clock, learner, config, store, log } = this.#running.parts;
    const { model, data } = config;
    const { classes, layout } = learner.info;
    try {
      const settings = { model, run: config.run, data };
      store.saveRun(run, {
        savedAt: clock.wallClock(),
        classes,
        settings,
        terms,
        layout: [...(layout.texts ?? [])],
        status: this.status(),
      });
    } catch (error) {
      log.warn({ err: error }, "the run could not be written down for `klatch runs`");
    }
  }

  async #wire(ports: PeerPorts): Promise<{ parts: PeerParts; driver: RunDriver }> {
    const tell = (event: NodeEvent) => this.#tell(event);
    const parts = await assemble(this.#config, ports, { ...this.#deps, tell });
    const driver = DRIVERS[modeOf(this.#config.run)](parts);
    listen(parts, driver, (reason) => {
      this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
    });
    return { parts, driver };
  }
}

/** How each mode goes on from what the store kept. */
const DRIVERS: Readonly<Record<RunMode, (parts: PeerParts) => RunDriver>> = {
  gossip: (parts) => new Driver(parts, resumePoint(parts)),
  agreed: (parts) => new AgreedDriver(parts, resumePoint(parts).trainingMs),
};

/** Says what trains here, what was passed over for it, and whether its memory will do: that is the result. */
async function logEngine(learner: PeerLearner, log: Logger): Promise<MemoryPlan> {
  const { engine, passedOver } = learner.info;
  for (const facts of passedOver) log.info(facts, "engine passed over");
  const plan = await learner.planMemory();
  const trouble = memoryTrouble(plan);
  log.info({ engine, memory: describeMemory(plan) }, "engine");
  if (trouble !== null) log.warn(trouble, "training may run out of memory");
  return plan;
}

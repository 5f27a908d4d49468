import assert from "node:assert/strict";
import {
  AnnouncementBook,
  buildGraph,
  type Certificate,
  certify,
  codecByName,
  metropolisShares,
  parseTopology,
  type ResumePoint,
} from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import {
  createNetwork,
  loadOrCreateIdentity,
  type Network,
  type NetworkConfig,
} from "../../gossip/index.ts";
import { emptyLedger, fromJson, type Ledger } from "../../reputation/index.ts";
import { createLearner, type Learner } from "../../training/index.ts";
import type { Evidence, PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { learnerOptions } from "../config/learner-options.ts";
import { identityFile } from "../folders/data-folder.ts";
import { downloadLog } from "../process/download-log.ts";
import { noticeLog } from "../process/learner-notices.ts";
import type { Logger } from "../process/logger.ts";
import { describeMemory, memoryTrouble } from "../view/memory-text.ts";
import type { NodeStatus, RoundRecord, Store } from "./contract.ts";
import { Driver } from "./driver.ts";
import type { DriverDeps, OfferTransform } from "./driver-deps.ts";
import { runDigest } from "./manifest.ts";
import type { Metrics } from "./metrics.ts";
import { nodeStatus } from "./node-status.ts";

export interface NodeDeps {
  readonly log: Logger;
  readonly store: Store;
  readonly metrics: Metrics;
  /** Replaces what the node sends; only the testnet's attackers set it. */
  readonly offer?: OfferTransform;
}

/** One peer of a run: learner, network, memory and the round that drives them. */
export interface KlatchNode {
  /** Loads the model, joins the network and takes up the run where the store left it. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  status(): NodeStatus;
  rounds(limit: number): readonly RoundRecord[];
  evidence(limit: number): readonly Evidence[];
  /** Resolves when the last round is over and evaluated; rejects when the node cannot go on. */
  readonly finished: Promise<void>;
}

/** Wires the rooms into a node. Touches nothing until `start`. */
export function createNode(config: Config, deps: NodeDeps): KlatchNode {
  return new Node(config, deps);
}

// --- internal ---

/** What trains here, what was passed over for it, and whether its memory will do. */
async function logEngine(learner: Learner, log: Logger): Promise<void> {
  const { engine, passedOver } = learner.info;
  for (const facts of passedOver) log.info(facts, "engine passed over");
  const plan = await learner.planMemory();
  const trouble = memoryTrouble(plan);
  log.info({ engine, memory: describeMemory(plan) }, "engine");
  if (trouble !== null) log.warn(trouble, "training may run out of memory");
}

interface Parts {
  readonly learner: Learner;
  readonly network: Network;
  readonly driver: Driver;
  readonly deps: DriverDeps;
  readonly certificate: Certificate;
}

class Node implements KlatchNode {
  readonly #config: Config;
  readonly #deps: NodeDeps;
  readonly #startedAt: number;
  readonly #refusals = new Map<string, number>();
  readonly #finished = Promise.withResolvers<void>();
  #parts: Parts | null = null;
  #isFinished = false;
  #isStopping = false;

  constructor(config: Config, deps: NodeDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#startedAt = Date.now();
    this.#finished.promise.catch(() => undefined);
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  async start(signal?: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    const learner = await createLearner(
      learnerOptions(this.#config),
      hubOptions(this.#config.cache, {
        report: downloadLog(log),
        ...(signal ? { signal } : {}),
      }),
      noticeLog(log),
    );
    try {
      await logEngine(learner, log);
      this.#parts = await this.#assemble(learner);
      await this.#parts.network.start(signal);
    } catch (error) {
      await this.stop();
      await learner.close();
      throw error;
    }
    const { driver } = this.#parts;
    driver.start();
    driver.finished.then(
      () => {
        this.#isFinished = true;
        this.#finished.resolve();
      },
      (error: unknown) => this.#finished.reject(error),
    );
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#parts === null) return;
    const { driver, network, learner } = this.#parts;
    await driver.stop();
    await network.stop();
    await learner.close();
  }

  status(): NodeStatus {
    assert(this.#parts, "status is asked of a node that has started");
    return nodeStatus({
      ...this.#parts,
      startedAt: this.#startedAt,
      stopping: this.#isStopping,
      finished: this.#isFinished,
      refusals: this.#refusals,
    });
  }

  rounds(limit: number): readonly RoundRecord[] {
    assert(this.#parts, "rounds are asked of a node that has started");
    return this.#deps.store.rounds(this.#parts.deps.run, limit);
  }

  evidence(limit: number): readonly Evidence[] {
    assert(this.#parts, "evidence is asked of a node that has started");
    return this.#deps.store.evidence(this.#parts.deps.run, limit);
  }

  async #assemble(learner: Learner): Promise<Parts> {
    const { store, log, metrics, offer } = this.#deps;
    const config = this.#config;
    const identity = await loadOrCreateIdentity(identityFile(store.folder));
    requireMembership(identity.peerId, config.run.members);
    const run = runDigest(config.run, learner.info);
    const { members, rounds } = config.run;
    const graph = buildGraph(parseTopology(config.run.topology), members);
    const certificate = certify(config.run.rule, graph);
    const attackersMax =
      config.run.attackersMax === "auto" ? certificate.attackersMax : config.run.attackersMax;
    const network = await createNetwork(
      structuredClone({ ...config.network, members }) as NetworkConfig,
      { key: identity.key, log },
    );
    const terms = {
      run,
      base: learner.info.modelDigest,
      rounds,
      members: new Set<PeerId>(members),
    };
    const loaded = store.loadCheckpoint(run);
    if (loaded?.warning) log.warn({}, loaded.warning);
    const kept = loaded?.checkpoint ?? null;
    const deps: DriverDeps = {
      config,
      run,
      learner,
      network,
      store,
      kept,
      codec: codecByName(config.run.codec),
      book: new AnnouncementBook(terms),
      ledger: { current: this.#restoreLedger(kept?.ledger) },
      neighbours: graph.get(network.peerId) ?? [],
      shares: metropolisShares(graph, network.peerId),
      attackersMax,
      initial: await learner.initialAdapter(),
      log,
      metrics,
      now: steadyClock,
      wallClock: Date.now,
      ...(offer ? { offer } : {}),
    };
    const driver = new Driver(deps, this.#resumePoint(deps, kept?.round ?? 0));
    this.#listen(network, deps.book, driver);
    return { learner, network, driver, deps, certificate };
  }

  #resumePoint({ store, run }: DriverDeps, round: number): ResumePoint {
    const [last] = store.rounds(run, 1);
    return { round, ...(last ? { trainingMs: last.endedAt - last.startedAt } : {}) };
  }

  #restoreLedger(text: string | undefined): Ledger {
    if (text === undefined) return emptyLedger(this.#config.reputation);
    const { ledger, warning } = fromJson(text, this.#config.reputation);
    if (warning !== null) this.#deps.log.warn({}, warning);
    return ledger;
  }

  #listen(network: Network, book: AnnouncementBook, driver: Driver): void {
    network.onAnnouncement((signed) => {
      const verdict = book.judge(signed, driver.round);
      if (verdict.verdict !== "accept") return verdict;
      if (verdict.value.fresh && signed.announcement.author !== network.peerId) {
        const { author: peer, round, payload, payloadBytes } = signed.announcement;
        driver.dispatch({ type: "announced", peer, round, payload, payloadBytes });
      }
      return { verdict: "accept", value: undefined };
    });
    network.onRefused((from, { verdict, reason }) => {
      this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
      this.#deps.metrics.refusals.inc({ reason });
      this.#deps.log.debug({ from, verdict, reason }, "announcement refused");
    });
  }
}

/** A node that is not in its own list would be refused by everyone, without a word. */
function requireMembership(self: PeerId, members: readonly PeerId[]): void {
  if (members.includes(self)) return;
  throw new KlatchError(
    "usage",
    `run.members does not name this node (${self})`,
    "list the peer ids of all members, your own included, alike on every peer",
  );
}

/** Milliseconds since the epoch at the start of the process, plus what has passed since: immune to clock changes. */
function steadyClock(): number {
  return Math.round(performance.timeOrigin + performance.now());
}

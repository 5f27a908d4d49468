import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../errors.ts";
import { loadIdentity } from "../gossip/index.ts";
import type { PeerId } from "../types.ts";
import type { Config } from "./config/config.ts";
import { modeOf, requireMode } from "./config/mode-of.ts";
import { requireMembership, rosterOf } from "./config/roster-of.ts";
import { identityFile } from "./folders/data-folder.ts";
import { EventLog } from "./http/event-log.ts";
import { createStatusServer } from "./http/status-server.ts";
import { newRunOf } from "./past/new-run.ts";
import { heartbeat } from "./peer/heartbeat.ts";
import { createMetrics } from "./peer/metrics.ts";
import { createNode, type KlatchNode } from "./peer/node.ts";
import type { OpenPorts } from "./peer/ports.ts";
import {
  endProcess,
  type ProcessHooks,
  runProcess,
  type Service,
  startAll,
  stopAll,
} from "./process/lifecycle.ts";
import { createLogger, type Logger } from "./process/logger.ts";
import type { NodeStatus } from "./records/records.ts";
import { openStore } from "./store/store.ts";

export interface RunNodeOptions {
  /** Told once, when the node has started. */
  readonly onStarted?: (status: NodeStatus, statusUrl: string | null) => void;
  /** Told once, when the last round is over and evaluated. */
  readonly onFinished?: (status: NodeStatus) => void;
  /** End after the last round (and `timing.lingerMs`) instead of serving slower peers until a signal. */
  readonly exitWhenFinished?: boolean;
  /** How learner, network, clock and updates are opened; the real ones but for attackers and tests. */
  readonly ports?: OpenPorts;
  /** Where signals come from and how the process ends; the process itself but for tests. */
  readonly hooks?: Pick<ProcessHooks, "exit" | "events">;
  readonly log?: Logger;
}

/**
 * Runs a node as this process: store, node and status endpoint start in order and stop in reverse; signals stop it.
 * Resolves to the exit code. Throws `usage` where the configuration cannot start a node, `locked` when another process
 * has the data folder, and what the rooms throw.
 */
export async function runNode(config: Config, options: RunNodeOptions = {}): Promise<number> {
  const log = options.log ?? createLogger(config.log);
  checkRunnable(config, (await loadIdentity(identityFile(config.dataDir))).peerId);
  const hooks = options.hooks ?? { exit: endProcess, events: process };
  return runProcess((signal) => live(config, options, log, signal), {
    ...hooks,
    log,
    stopMs: config.timing.stopMs,
  });
}

// --- internal ---

/** What defaults cannot know. */
function checkRunnable(config: Config, self: PeerId): void {
  if (config.data.train.length === 0) {
    throw new KlatchError(
      "usage",
      "there is nothing to train on: data.train is empty",
      "name JSONL or CSV files in klatch.yaml, or with --data-train FILE",
    );
  }
  requireMode(config.run);
  // in mode agreed a block may add a node later: until then it looks on, and says so
  if (modeOf(config.run) !== "agreed") requireMembership(rosterOf(config.run), self);
}

async function live(
  config: Config,
  options: RunNodeOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const store = openStore(config.dataDir, { warn: (sentence) => log.warn(sentence) });
  try {
    const metrics = createMetrics();
    const events = new EventLog();
    const node = createNode(config, {
      log,
      store,
      metrics,
      tell: (event) => events.tell(event),
      ...(options.ports ? { ports: options.ports } : {}),
    });
    let isStarted = false;
    const status = createStatusServer(config.status, {
      source: node,
      isStarted: () => isStarted,
      metrics,
      events,
      dataDir: config.dataDir,
    });
    // The endpoint first: a port that is taken is known before anything is loaded, let alone announced.
    const services: Service[] = [...(config.status.enabled ? [status] : []), serviceOf(node)];
    await startAll(services, signal, config.timing.stopMs);
    isStarted = true;
    try {
      const started = node.status();
      const newRun = newRunOf(config, started.run);
      if (newRun !== null) log.warn({ ...newRun }, "a new run begins: its settings are others");
      options.onStarted?.(started, status.url);
      await untilDone(node, config, options, log, signal);
    } finally {
      for (const failure of await stopAll(services, config.timing.stopMs)) {
        log.warn({ failure }, "not stopped cleanly");
      }
    }
  } finally {
    store.close();
    log.info("stopped");
  }
}

function serviceOf(node: KlatchNode): Service {
  return { name: "node", start: (signal) => node.start(signal), stop: () => node.stop() };
}

/** Waits for the end of the run and then for the signal; a heartbeat says meanwhile what the node waits for. */
async function untilDone(
  node: KlatchNode,
  config: Config,
  options: RunNodeOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const beat = setInterval(
    () => log.info(heartbeat(node.status(), Date.now()), "heartbeat"),
    config.timing.heartbeatMs,
  );
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    await Promise.race([node.finished, stopped]);
    options.onFinished?.(node.status());
    if (options.exitWhenFinished !== true) {
      log.info("the run is finished; serving slower peers until stopped");
      await stopped;
    }
    await delay(config.timing.lingerMs, undefined, { signal });
  } finally {
    clearInterval(beat);
  }
}

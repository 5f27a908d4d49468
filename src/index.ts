/**
 * The public API: a node to embed, its configuration, the learner behind it, and the words they share.
 *
 * ```ts
 * const config = loadConfig({ file: "klatch.yaml" });
 * const log = createLogger(config.log);
 * const node = createNode(config, { log, store: openStore(config.dataDir), metrics: createMetrics() });
 * await node.start();
 * await node.finished;
 * await node.stop();
 * ```
 *
 * @packageDocumentation
 */
export { type ErrorCode, EXIT_CODES, KlatchError } from "./errors.ts";
export { type Config, configSchema } from "./node/config/config.ts";
export { loadConfig } from "./node/config/load.ts";
export { createMetrics, type Metrics } from "./node/peer/metrics.ts";
export { createNode, type KlatchNode, type NodeDeps } from "./node/peer/node.ts";
export { createLogger, type Logger, silentLogger } from "./node/process/logger.ts";
export type { NodeStatus, PeerStatus, RoundRecord, RunResult } from "./node/records/records.ts";
export type { Checkpoint, OwnUpdate, Store } from "./node/store/contract.ts";
export { openStore } from "./node/store/store.ts";
export type * from "./training/index.ts";
export type * from "./types.ts";

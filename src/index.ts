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
export { loadConfig } from "./node/config/load.ts";
export { type Config, configSchema } from "./node/config.ts";
export type {
  Checkpoint,
  NodeStatus,
  Offer,
  PeerStatus,
  RoundRecord,
  RunResult,
  Store,
} from "./node/contract.ts";
export type { OfferContext, OfferTransform } from "./node/driver-deps.ts";
export { createLogger, type Logger, silentLogger } from "./node/logger.ts";
export { createMetrics, type Metrics } from "./node/metrics.ts";
export { createNode, type KlatchNode, type NodeDeps } from "./node/node.ts";
export { openStore } from "./node/store/store.ts";
export type * from "./training/index.ts";
export type * from "./types.ts";

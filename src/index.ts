/**
 * A node to embed: its configuration, its store, what it tells. The whole is examples/embed-node.ts.
 *
 * ```ts
 * const node = createNode(parseConfig(settings, folder), { log: silentLogger() });
 * await node.start();
 * ```
 *
 * What a program would rather bring itself goes in beside the configuration: `createNode(config, { learner, network, clock,
 * updates, store, log, metrics })`, any of them. The rest is opened as the configuration says.
 *
 * @packageDocumentation
 */
export { type ErrorCode, EXIT_CODES, KlatchError } from "./errors.ts";
export { type Config, configSchema } from "./node/config/config.ts";
export { hubOptions } from "./node/config/hub-options.ts";
export { learnerOptions } from "./node/config/learner-options.ts";
export { type ConfigSources, loadConfig, parseConfig } from "./node/config/load.ts";
export { networkConfig } from "./node/config/network-config.ts";
export { createNode, type OwnParts } from "./node/embed.ts";
export { identityFile } from "./node/folders/data-folder.ts";
export { type Clock, systemClock } from "./node/peer/clock.ts";
export { createMetrics, type Metrics } from "./node/peer/metrics.ts";
export type { KlatchNode } from "./node/peer/node.ts";
export {
  type OpenPorts,
  openPorts,
  type PeerLearner,
  type PeerPorts,
  type PortContext,
} from "./node/peer/ports.ts";
export { createLogger, type Logger, silentLogger } from "./node/process/logger.ts";
export type {
  ChainBlock,
  Machine,
  NodeStatus,
  PeerStatus,
  RoundRecord,
  RunResult,
} from "./node/records/records.ts";
export type { Checkpoint, OwnUpdate, Store } from "./node/store/contract.ts";
export { openStore, type StoreDeps } from "./node/store/store.ts";
export type * from "./types.ts";

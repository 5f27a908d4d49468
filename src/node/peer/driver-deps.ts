import type { AnnouncementBook, Codec } from "../../consensus/index.ts";
import type { Network } from "../../gossip/index.ts";
import type { Ledger } from "../../reputation/index.ts";
import type { Learner } from "../../training/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../process/logger.ts";
import type { Checkpoint, Store } from "./contract.ts";
import type { Metrics } from "./metrics.ts";

/** What a node that does not follow the protocol may see when it decides what to send. */
export interface OfferContext {
  readonly round: number;
  /** State before and after local training, and the seeded state that the run started from. */
  readonly before: Float32Array;
  readonly trained: Float32Array;
  readonly initial: Float32Array;
}

/** Decides what a node sends in place of its trained state: a state to encode, or raw payload bytes. */
export type OfferTransform = (context: OfferContext) => Float32Array | Uint8Array;

/** Everything the driver and its round work act upon. */
export interface DriverDeps {
  readonly config: Config;
  readonly run: Digest;
  readonly learner: Learner;
  readonly network: Network;
  readonly store: Store;
  /** Where the store left the run; null at its beginning. */
  readonly kept: Checkpoint | null;
  readonly codec: Codec;
  readonly book: AnnouncementBook;
  readonly ledger: { current: Ledger };
  readonly neighbours: readonly PeerId[];
  /** The share of each neighbour in full standing. */
  readonly shares: ReadonlyMap<PeerId, number>;
  /** Neighbours that may lie, as the mixing rule assumes. */
  readonly attackersMax: number;
  readonly initial: Float32Array;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Time of the round: never jumps. */
  readonly now: () => number;
  /** Time of the world, for what others read: milliseconds since the epoch, whole. */
  readonly wallClock: () => number;
  /** Replaces what is sent; only the testnet's attackers set it. */
  readonly offer?: OfferTransform;
}

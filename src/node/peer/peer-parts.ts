import type { AnnouncementBook } from "../../consensus/index.ts";
import type { SignedAnnouncement } from "../../gossip/index.ts";
import type { Ledger } from "../../reputation/index.ts";
import type { Digest } from "../../types.ts";
import type { Acquaintances } from "../acquaintance/acquaintances.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../process/logger.ts";
import type { NodeEvent, RoundCosts } from "../records/records.ts";
import type { Checkpoint, Store } from "../store/contract.ts";
import type { RunTerms } from "./manifest.ts";
import type { Metrics } from "./metrics.ts";
import type { Neighbourhoods } from "./neighbourhoods.ts";
import type { PeerPorts } from "./ports.ts";

/** Everything that a node in a run works with. */
export interface PeerParts extends PeerPorts {
  readonly config: Config;
  readonly run: Digest;
  readonly terms: RunTerms;
  readonly store: Store;
  /** Where the store left the run; null at its beginning. */
  readonly checkpoint: Checkpoint | null;
  readonly book: AnnouncementBook<SignedAnnouncement>;
  readonly ledger: { current: Ledger };
  /** Whom the node exchanges with, round by round. */
  readonly neighbourhoods: Neighbourhoods;
  /** The seeded adapter that every peer of the run starts from. */
  readonly initial: Float32Array;
  /** What a round costs in bytes. */
  readonly costs: RoundCosts;
  /** What others said of themselves. */
  readonly acquaintances: Acquaintances;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Tells whoever looks on what has happened. */
  readonly tell: (event: NodeEvent) => void;
}

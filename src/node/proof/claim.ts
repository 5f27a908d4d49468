import type { ChainBytes } from "../../gossip/index.ts";
import type { Digest } from "../../types.ts";
import type { RunTerms } from "../peer/manifest.ts";

/** What a folder says of a run and of the adapter in it: nothing of it is believed yet. */
export interface Claim {
  readonly run: Digest | null;
  /** What the run id is the digest of; null where the folder does not say. */
  readonly terms: RunTerms | null;
  /** Height of the first block, and trust by place below it where that is not the first of all. */
  readonly from: number;
  readonly levels: readonly number[] | null;
  /** Blocks below the first that changed who the members are. */
  readonly changes: readonly ChainBytes[];
  readonly chain: readonly ChainBytes[];
  /** Adapters in the folder, by the rounds that went into them, the newest first. */
  readonly adapters: readonly ClaimedAdapter[];
  /** What was found wrong while it was read. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

export interface ClaimedAdapter {
  readonly rounds: number;
  /** Digest of its state, and the checkpoint that is made of it and of what the outer optimiser remembers. */
  readonly digest: Digest;
  readonly checkpoint: Digest;
}

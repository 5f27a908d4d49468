import type { KeptArrays } from "../../consensus/index.ts";
import type { BegunRound, OptimizerState } from "../../training/index.ts";
import type { Digest, Evidence } from "../../types.ts";
import type { RoundRecord, RunRecord, RunResult } from "../records/records.ts";
import type { KeptBlock } from "./agreed-tables.ts";

/** What a node must not lose: everything needed to go on with `round` as if nothing had happened. */
export interface Checkpoint {
  readonly run: Digest;
  /** The next round to do, counted from 0. */
  readonly round: number;
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  /** Sequence number of the last announcement that was made. */
  readonly sequence: number;
  /** What the update seam keeps. */
  readonly memory: KeptArrays;
  /** The reputation ledger as JSON text. */
  readonly ledger: string;
}

/**
 * The node's own update of a round, kept before it is announced. After a crash the node announces the very same bytes
 * again. A second, different update for the round would be proof of equivocation.
 */
export interface OwnUpdate {
  readonly run: Digest;
  readonly round: number;
  readonly sequence: number;
  /** State after local training. */
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  readonly trainLoss: number;
  readonly examples: number;
  readonly payload: Uint8Array;
  /** What the update seam keeps once this update is made: it is made once, also by a node that dies right after. */
  readonly memory: KeptArrays;
}

/** The training of a round in its middle: what a node that dies goes on from, with the steps that would have come. */
export interface RoundTraining {
  readonly run: Digest;
  readonly round: number;
  /** What the training started from: of another start, or on other data, it is another one. */
  readonly start: Digest;
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  /** Steps of the round that are taken. */
  readonly steps: number;
  /** What watches the losses; null before the first step. */
  readonly watch: BegunRound["watch"] | null;
  /** Of the losses of the steps. */
  readonly lossSum: number;
  readonly examples: number;
  /** Spent on the steps. */
  readonly seconds: number;
}

/** What mixing a round again takes, in mode `agreed`: the state it started from, and the payloads of its cut that were here. */
export interface KeptRound {
  readonly run: Digest;
  readonly round: number;
  readonly theta: Float32Array;
  /** What the outer optimiser remembered; null without momentum. */
  readonly velocity: Float32Array | null;
  readonly payloads: ReadonlyMap<Digest, Uint8Array>;
}

/** The data folder of one node: locked by one process, atomic, checksummed. */
export interface Store {
  readonly folder: string;
  /** The newest intact checkpoint of the run, and a sentence when a newer one had to be passed over. */
  loadCheckpoint(
    run: Digest,
  ): { readonly checkpoint: Checkpoint; readonly warning: string | null } | null;
  /**
   * Keeps what a round led to, as the newest checkpoint: a node that went back has no later one. Whatever happens in the
   * middle, no checkpoint is without the record of its round.
   */
  commitRound(checkpoint: Checkpoint, record: RoundRecord): void;
  loadUpdate(run: Digest, round: number): OwnUpdate | null;
  saveUpdate(update: OwnUpdate): void;
  loadTraining(run: Digest, round: number): RoundTraining | null;
  /** Keeps how far a round's training has come, in the place of what was kept of it, or of another round's. */
  saveTraining(training: RoundTraining): void;
  /** Keeps a round so that it can be mixed again, and of all rounds the newest: so many at most, of so many bytes. */
  keepRound(kept: KeptRound, most: { readonly rounds: number; readonly bytes: number }): void;
  /** Null where it is not kept; what is damaged is put aside, said, and not kept. */
  keptRound(run: Digest, round: number): KeptRound | null;
  /** The last `limit` rounds but the newest `offset` (none when absent), oldest first; evidence likewise. */
  rounds(run: Digest, limit: number, offset?: number): readonly RoundRecord[];
  appendEvidence(run: Digest, evidence: Evidence): void;
  evidence(run: Digest, limit: number, offset?: number): readonly Evidence[];
  /** Mode `agreed`: adds what this node says about a height, on disk when it returns. */
  appendSaid(run: Digest, height: number, bytes: Uint8Array): void;
  /** What this node said about a height, the first first. */
  said(run: Digest, height: number): readonly Uint8Array[];
  /** Adds final blocks with their certificates, all or none, and forgets what was said about the heights below. */
  appendChain(run: Digest, blocks: readonly KeptBlock[]): void;
  /** The final blocks from a height on, so many at most. */
  chain(run: Digest, from: number, most: number): readonly KeptBlock[];
  /** Mode `agreed`: the changes of members that lie in the folder, as texts by file name. */
  memberChanges(): ReadonlyMap<string, string>;
  /** Final evaluation of a finished run. */
  saveResult(run: Digest, result: RunResult): void;
  loadResult(run: Digest): RunResult | null;
  /** What the run is and how far it is, for who reads the folder when no node runs. */
  saveRun(run: Digest, record: RunRecord): void;
  close(): void;
}

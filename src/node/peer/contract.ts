import type { LearnerInfo, ModelOrigin, OptimizerState } from "../../training/index.ts";
import type { Digest, Evaluation, Evidence, PeerId, Standing, Timestamp } from "../../types.ts";

/** What a node must not lose: everything needed to go on with `round` as if nothing had happened. */
export interface Checkpoint {
  readonly run: Digest;
  /** The next round to do, counted from 0. */
  readonly round: number;
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  /** Sequence number of the last announcement that was made. */
  readonly sequence: number;
  /** The reputation ledger as JSON text. */
  readonly ledger: string;
}

/**
 * The own contribution of a round, kept before it is announced: after a crash the node announces the very same bytes
 * again instead of a second, different update for the round, which would be proof of equivocation.
 */
export interface Offer {
  readonly run: Digest;
  readonly round: number;
  readonly sequence: number;
  /** State after local training. */
  readonly adapter: Float32Array;
  readonly optimizer: OptimizerState;
  readonly trainLoss: number;
  readonly examples: number;
  readonly payload: Uint8Array;
}

/** What happened in one round, for `rounds`, the status server and the report. */
export interface RoundRecord {
  readonly round: number;
  readonly startedAt: Timestamp;
  readonly endedAt: Timestamp;
  readonly trainLoss: number;
  /** Loss on the private held-out examples after mixing; null when there are none. */
  readonly heldOutLoss: number | null;
  readonly announced: readonly PeerId[];
  readonly mixed: readonly { readonly peer: PeerId; readonly share: number }[];
  readonly refused: readonly { readonly peer: PeerId; readonly reason: string }[];
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** The data folder of one node: locked by one process, atomic, checksummed. */
export interface Store {
  readonly folder: string;
  /** The newest intact checkpoint of the run, and a sentence when a newer one had to be passed over. */
  loadCheckpoint(
    run: Digest,
  ): { readonly checkpoint: Checkpoint; readonly warning: string | null } | null;
  /** Keeps what a round led to. Whatever happens in the middle, no checkpoint is without the record of its round. */
  commitRound(checkpoint: Checkpoint, record: RoundRecord): void;
  loadOffer(run: Digest, round: number): Offer | null;
  saveOffer(offer: Offer): void;
  rounds(run: Digest, limit: number): readonly RoundRecord[];
  appendEvidence(run: Digest, evidence: Evidence): void;
  evidence(run: Digest, limit: number): readonly Evidence[];
  /** Final evaluation of a finished run. */
  saveResult(run: Digest, result: RunResult): void;
  loadResult(run: Digest): RunResult | null;
  close(): void;
}

export interface RunResult {
  readonly rounds: number;
  readonly evaluation: Evaluation | null;
}

export interface PeerStatus {
  readonly peer: PeerId;
  readonly connected: boolean;
  readonly neighbour: boolean;
  readonly standing: Standing;
  readonly score: number;
  /** Newest round this peer announced; null before the first. */
  readonly round: number | null;
  /** Why its last contribution was not used; null when it was. */
  readonly lastReason: string | null;
  readonly roundTripMs: number | null;
  readonly gossipScore: number | null;
}

/** The answer of /status and of `klatch status`. */
export interface NodeStatus {
  readonly version: string;
  readonly peerId: PeerId;
  readonly run: Digest;
  readonly addresses: readonly string[];
  readonly startedAt: Timestamp;
  /** `joining` until a neighbour is connected, then `running`, then `finished`; `stopping` after a signal. */
  readonly state: "joining" | "running" | "finished" | "stopping";
  readonly phase: "train" | "commit" | "fetch" | "mix" | "done";
  readonly round: number;
  readonly rounds: number;
  /** Peers this phase waits for, and until when. */
  readonly waitingFor: readonly PeerId[];
  readonly deadline: Timestamp | null;
  readonly trainLoss: number | null;
  readonly heldOutLoss: number | null;
  readonly evaluation: Evaluation | null;
  readonly rule: string;
  readonly attackersMax: number;
  readonly certifiedAttackers: number;
  /** The base model: its digest, and where it came from; null for a folder. */
  readonly model: { readonly digest: Digest; readonly origin: ModelOrigin | null };
  /** Counts of the private data; never more than counts. */
  readonly data: LearnerInfo["data"];
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly peers: readonly PeerStatus[];
  readonly refusals: Readonly<Record<string, number>>;
}

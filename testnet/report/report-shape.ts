import type { RoundCosts } from "../../src/node/records/records.ts";
import type { Digest, Evidence, PeerId, RunMode, Standing } from "../../src/types.ts";
import type { Role } from "../data/run-data.ts";
import type { TestnetOptions } from "../options.ts";
import type { Incident } from "../processes/troubles.ts";
import type { Expectation } from "../scenario/expectations.ts";

/** Quality on the common test set. */
export interface Quality {
  readonly loss: number;
  readonly perplexity: number;
  readonly exactMatch: number;
}

/** One point of a peer's curve; rounds count from 1, here and in evidence and incidents. */
export interface CurvePoint {
  readonly round: number;
  readonly trainLoss: number;
  readonly heldOutLoss: number | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly mixed: number;
  readonly refused: number;
  readonly seconds: number;
}

export interface PeerReport {
  readonly id: PeerId;
  readonly index: number;
  readonly label: string;
  readonly role: Role;
  readonly rows: number;
  /** Rounds done. */
  readonly rounds: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Loss of its final state on the common test set; null where it did not finish. */
  readonly loss: number | null;
  readonly exactMatch: number | null;
  /** What most honest peers think of it, and how many think what. */
  readonly standing: Standing;
  readonly standings: Readonly<Record<Standing, number>>;
  readonly score: number | null;
  readonly curve: readonly CurvePoint[];
}

/** How the rounds of a run in mode agreed came to be certified. */
export interface Certificates {
  /** Rounds that honest peers hold a certificate of, and rounds of the run that none of them holds one of. */
  readonly rounds: number;
  readonly missing: number;
  /** From a quorum of ballots to the certificate, milliseconds; null where nobody saw that. */
  readonly medianMs: number | null;
  readonly worstMs: number | null;
  /** Mean size of a block with its certificate. */
  readonly bytes: number;
}

/** The result of a testnet; `report.json` is this object. */
export interface TestnetReport {
  readonly klatch: string;
  readonly node: string;
  readonly startedAt: string;
  readonly options: TestnetOptions;
  readonly run: string;
  readonly testRows: number;
  readonly peers: readonly PeerReport[];
  /** Whether a signal ended the run: what follows is of the rounds until then, and nothing was evaluated. */
  readonly interrupted: boolean;
  readonly base: Quality | null;
  /** Mean over honest peers that trained alone; null without baselines. */
  readonly localOnly: Quality | null;
  /** Mean over the honest peers of the network that finished. */
  readonly federated: Quality | null;
  readonly centralised: Quality | null;
  /** From the start of the processes to the last honest peer's evaluation. */
  readonly seconds: number;
  /** Mean over honest peers of the bytes sent in a round, everything included. */
  readonly bytesPerPeerRound: number;
  /** What that was reckoned to be, by codec and rank: the chosen ones, and the others. Null where no peer told. */
  readonly costs: RoundCosts | null;
  /** What `auto` stands for in this run. */
  readonly mode: RunMode;
  /** Digest of the adapter that each peer ended with, by peer id; of peers that told one. */
  readonly digests: Readonly<Record<PeerId, Digest>>;
  /** Whether all honest peers ended with the same one. */
  readonly agreed: boolean;
  /** What a quorum signed; null in mode gossip. */
  readonly certificates: Certificates | null;
  readonly rule: string;
  readonly certifiedAttackers: number;
  readonly attack: string | null;
  readonly attackers: number;
  readonly evidence: readonly (Evidence & { readonly observer: PeerId })[];
  readonly incidents: readonly Incident[];
  /** What the run had to come to, and whether it did. */
  readonly expectations: readonly Expectation[];
}

import type { RoundState, RoundTiming } from "../../src/consensus/index.ts";
import type { Ledger } from "../../src/reputation/index.ts";
import type { EvidenceKind, PeerId } from "../../src/types.ts";

/** What goes wrong in a simulation. Peers are numbered from 0; times are virtual milliseconds. */
export type Fault =
  /** Runs, listens, never announces. */
  | { readonly kind: "silent"; readonly peer: number }
  /** Announces and never serves. */
  | { readonly kind: "withhold"; readonly peer: number }
  /** Two payloads for each round. */
  | { readonly kind: "equivocate"; readonly peer: number }
  /** Announces the last round of the run from the start. */
  | { readonly kind: "fast-forward"; readonly peer: number }
  /** Trains this many times slower. */
  | { readonly kind: "slow"; readonly peer: number; readonly factor: number }
  /** Dies at a time and comes back after a while, or never. */
  | {
      readonly kind: "crash";
      readonly peer: number;
      readonly at: number;
      readonly backAfter: number | null;
    }
  /** The first `peers` peers and the rest do not hear one another for a while. */
  | {
      readonly kind: "partition";
      readonly peers: number;
      readonly from: number;
      readonly until: number;
    };

export interface SimulationOptions {
  readonly seed: number;
  readonly peers: number;
  readonly rounds: number;
  readonly attackersMax?: number;
  readonly topology?: string;
  /** Mean training time of a round; each peer and round differs by up to 30 %. */
  readonly trainMs?: number;
  /** Share of messages that come only with the next heartbeat. */
  readonly lossRate?: number;
  readonly faults?: readonly Fault[];
  readonly timing?: Partial<RoundTiming>;
  /** Where the clock stops in any case. */
  readonly untilMs: number;
}

/** What the data folder of a simulated peer holds, and what is known of its process. */
export interface SimulatedPeer {
  readonly id: PeerId;
  readonly index: number;
  readonly honest: boolean;
  state: RoundState;
  ledger: Ledger;
  alive: boolean;
  /** Counts processes: work of a dead one does not reach the next. */
  life: number;
  nextRound: number;
  offer: { readonly round: number; readonly payload: string } | null;
  /** Payloads that are served; a node serves the kept ones again after a restart. */
  readonly opened: Set<string>;
  /** Every payload ever announced, by round. */
  readonly announced: Map<number, Set<string>>;
  readonly committed: number[];
  readonly mixedWith: Map<number, readonly PeerId[]>;
  readonly evidence: {
    readonly peer: PeerId;
    readonly kind: EvidenceKind;
    readonly round: number;
  }[];
  readonly timers: Map<string, number>;
  finishedAt: number | null;
}

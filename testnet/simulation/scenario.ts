import type {
  AgreedUpdates,
  CodecName,
  CommonRuleName,
  RoundTiming,
  Updates,
} from "../../src/consensus/index.ts";
import type { PeerPorts } from "../../src/node/peer/ports.ts";
import type { Checkpoint } from "../../src/node/store/contract.ts";
import type { MixingRule, RunMode } from "../../src/types.ts";
import type { AttackName } from "../attacks/catalogue.ts";

/** What goes wrong without anybody's intention. Peers are numbered from 0; times are virtual milliseconds. */
export type Fault =
  /** Trains this many times slower. */
  | { readonly kind: "slow"; readonly peer: number; readonly factor: number }
  /** Trains to the end of what it was asked for, whatever comes meanwhile. */
  | { readonly kind: "stubborn"; readonly peer: number }
  /** Dies at a time and comes back after a while, or never. */
  | {
      readonly kind: "crash";
      readonly peer: number;
      readonly at: number;
      readonly backAfter: number | null;
    }
  /** Dies, and comes back after a while with an empty disk, or with a copy that was made of it at a time before. */
  | {
      readonly kind: "lose-disk";
      readonly peer: number;
      readonly at: number;
      readonly backAfter: number;
      readonly copiedAt: number | null;
    }
  /** Dies before or after its first process's n-th call of a port, counted from 1, and comes back after a while. */
  | {
      readonly kind: "crash-at-call";
      readonly peer: number;
      readonly call: number;
      readonly when: "before" | "after";
      readonly backAfter: number;
    }
  /** Stops and comes back with another configuration. */
  | {
      readonly kind: "reconfigure";
      readonly peer: number;
      readonly at: number;
      readonly backAfter: number;
      readonly rounds?: number;
      readonly roster?: readonly RosterEdit[];
    }
  /** The first `peers` peers and the rest do not hear one another for a while. */
  | {
      readonly kind: "partition";
      readonly peers: number;
      readonly from: number;
      readonly until: number;
    };

/** A change of the members, by the numbers of peers; rounds are counted from 0. */
export interface RosterEdit {
  readonly round: number;
  readonly peer: number;
  readonly joins: boolean;
}

/** A network to simulate, as data: the same scenario gives the same history, whenever and wherever it runs. */
export interface Scenario {
  readonly seed: number;
  readonly peers: number;
  readonly rounds: number;
  /** Peers that are members from the beginning: the first so many; all unless said. */
  readonly members?: number;
  /** Changes of the members that all know from the beginning. */
  readonly roster?: readonly RosterEdit[];
  readonly steps?: number;
  /** Steps after which a training is kept on disk; as for real nodes unless said. */
  readonly checkpointSteps?: number;
  readonly dimensions?: number;
  /** Distance of a peer's own optimum from the common one, per dimension; of several, the peers have one each in turn. */
  readonly heterogeneity?: number | readonly number[];
  readonly topology?: string;
  /** Mode of the run; gossip unless said. */
  readonly mode?: RunMode;
  readonly rule?: MixingRule;
  /** Mixing rule of mode `agreed`. */
  readonly agreedRule?: CommonRuleName;
  readonly codec?: CodecName;
  /** Ranks that peers train in turn in mode `agreed`, the run's being the largest; without, the adapter has none. */
  readonly ranks?: readonly number[];
  /** First rounds of mode `agreed` in which updates travel as int8. */
  readonly warmUp?: number;
  /** How states travel, for tests of the seam; the run's own way unless said. */
  readonly updates?: Updates;
  /** The same in mode `agreed`. */
  readonly agreedUpdates?: AgreedUpdates;
  /** Neighbours that the mixing rule takes for liars; by default what it is certified for. */
  readonly attackersMax?: number;
  /** Dishonest peers by their numbers. */
  readonly attacks?: Readonly<Record<number, AttackName>>;
  /** Told what a peer keeps at the end of each round. */
  readonly onCommit?: (index: number, round: number, checkpoint: Checkpoint) => void;
  /** What becomes of a peer's ports, for tests of what peers may do. */
  readonly disguise?: (ports: PeerPorts, index: number) => PeerPorts;
  /** Judge updates on held-out examples; true unless said. */
  readonly gate?: boolean;
  /** Mean training time of a round. */
  readonly trainMs?: number;
  /** Share by which each peer and round differs from it at most; 0.3 unless said. */
  readonly paceSpread?: number;
  /** Momentum of the outer step; as for real nodes unless said. */
  readonly outerMomentum?: number | undefined;
  /** Share of messages that are lost on the way, and come only with a later heartbeat. */
  readonly lossRate?: number;
  /** Share of transfers that break off, and are begun anew a while later. */
  readonly brokenRate?: number;
  /** Share of the time that each peer is away: again and again it dies, and comes back some rounds later. */
  readonly churn?: number;
  readonly faults?: readonly Fault[];
  readonly timing?: Partial<RoundTiming>;
  /** Where the clock stops in any case. */
  readonly untilMs?: number;
}

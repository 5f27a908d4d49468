import type { Digest, EvidenceKind, PeerId, Reason, Standing, Timestamp } from "../../types.ts";

/** What the pure step of a round may hear. Every event carries the time at which it happened. */
export type Event = { readonly now: Timestamp } & (
  | { readonly type: "started" }
  | { readonly type: "trained"; readonly round: number; readonly payload: Digest }
  | {
      readonly type: "announced";
      readonly peer: PeerId;
      readonly round: number;
      readonly payload: Digest;
      readonly payloadBytes: number;
    }
  | { readonly type: "fetched"; readonly peer: PeerId; readonly round: number }
  /**
   * The step turns the reason into evidence at the end of the round, so the driver reports none of its own.
   * Without a reason the failure counts as `unreachable`, which proves nothing about the peer.
   */
  | {
      readonly type: "fetch-failed";
      readonly peer: PeerId;
      readonly round: number;
      readonly reason?: Reason;
    }
  | { readonly type: "timer"; readonly timer: TimerName; readonly round: number }
  | { readonly type: "mixed"; readonly round: number }
  /** A peer has said that it stops, or is connected again. */
  | { readonly type: "presence"; readonly peer: PeerId; readonly isThere: boolean }
  | { readonly type: "standing"; readonly peer: PeerId; readonly standing: Standing }
);

/** An event that a driver has not given its time yet. `Omit` alone would not keep the members of a union apart. */
export type Untimed<E> = E extends unknown ? Omit<E, "now"> : never;

export type TimerName = "commit" | "fetch";

/** What the pure step of a round may ask for. The driver performs it for real, the simulator in virtual time. */
export type Effect =
  | { readonly type: "train"; readonly round: number }
  | { readonly type: "announce"; readonly round: number; readonly payload: Digest }
  /** Serve an own payload from now on: to these peers, or to everybody. */
  | {
      readonly type: "open";
      readonly round: number;
      readonly payload: Digest;
      readonly to?: readonly PeerId[];
    }
  | {
      readonly type: "start-timer";
      readonly timer: TimerName;
      readonly round: number;
      readonly at: Timestamp;
    }
  | {
      readonly type: "fetch";
      readonly round: number;
      readonly peer: PeerId;
      readonly payload: Digest;
      readonly payloadBytes: number;
    }
  /** Judge what has arrived from these peers and mix it. */
  | { readonly type: "mix"; readonly round: number; readonly peers: readonly PeerId[] }
  /** Take over what these peers have, for this node is late; then report `mixed`. */
  | { readonly type: "adopt"; readonly round: number; readonly peers: readonly PeerId[] }
  | {
      readonly type: "observe";
      readonly round: number;
      readonly peer: PeerId;
      readonly kind: EvidenceKind;
      readonly detail: string;
    }
  /** The round is over: keep a checkpoint, from which the node goes on with round `next`. */
  | { readonly type: "commit"; readonly round: number; readonly next: number }
  | { readonly type: "finish" };

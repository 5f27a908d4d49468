import type { AgreedView, RoundView } from "../../consensus/index.ts";
import type { Announcement } from "../../gossip/index.ts";
import type { Digest, Evidence, PeerId } from "../../types.ts";
import type { PeerState } from "./peer-state.ts";

/** An announcement that is news, as the round hears it. */
export interface HeardAnnouncement {
  readonly peer: PeerId;
  readonly round: number;
  /** Digest of the state that the update is a difference to. */
  readonly reference: Digest;
  readonly payload: Digest;
  readonly payloadBytes: number;
}

/** What drives a node through its rounds, in whatever mode. */
export interface RunDriver {
  /** What the node carries from round to round. */
  readonly state: PeerState;
  readonly round: number;
  /** Resolves when the last round is over and evaluated; rejects when the node cannot go on. */
  readonly finished: Promise<void>;
  describe(): RoundView;
  /** What there is to tell of mode `agreed`; null in another. */
  describeAgreed(): AgreedView | null;
  start(): void;
  /** Stops performing effects and waits for those under way. */
  stop(): Promise<void>;
  /** Whether an update that is announced could be read. */
  isReadable(announcement: Announcement): boolean;
  hear(announced: HeardAnnouncement): void;
  /** A member is here and has said so, or has stopped and said so, or the connection is gone. */
  met(peer: PeerId, event: "greeted" | "left" | "disconnected"): void;
  /** Notes what peers did: in the ledger, in the store, and where a standing changes, in the round. */
  observe(evidence: readonly Evidence[]): void;
}

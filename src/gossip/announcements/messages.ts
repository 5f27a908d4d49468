import type { Digest, PeerId, RunMode, Timestamp } from "../../types.ts";

/** What a peer commits to in a round, before anyone may fetch it. */
export interface Announcement {
  /** Digest of everything the peers of a run share, the base model included. */
  readonly run: Digest;
  readonly author: PeerId;
  readonly mode: RunMode;
  /** Number of the codec of the payload. */
  readonly codec: number;
  /** Bits for what is to come; none is defined. */
  readonly flags: number;
  /** Digest of the state that the update is a difference to. */
  readonly reference: Digest;
  readonly round: number;
  /**
   * Grows with each announcement of the author, also across restarts and lost disks: wall-clock milliseconds at
   * least.
   */
  readonly sequence: number;
  readonly payload: Digest;
  readonly payloadBytes: number;
  /** Training examples behind the update. */
  readonly examples: number;
  readonly issuedAt: Timestamp;
  readonly expiresAt: Timestamp;
}

/** An announcement with the signed bytes it came in: proof for anyone. */
export interface SignedAnnouncement {
  readonly announcement: Announcement;
  readonly bytes: Uint8Array;
}

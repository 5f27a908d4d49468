import { announcementBytes, peerIdOf } from "../../src/gossip/index.ts";

const NO_DIGEST = "0".repeat(64);
const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

/** Times of the simulated wire, in milliseconds, and sizes. */
export const LATENCY_MS = { least: 5, most: 100 };
export const TRANSFER_MS = { least: 50, most: 500 };
/** Lost announcements come with a later heartbeat, as gossipsub's IHAVE brings them. */
export const HEARTBEAT_MS = 1000;
/** Size of a signed announcement: what the encoder makes of usual numbers. */
export const ANNOUNCEMENT_BYTES = announcementBytes({
  ...{ run: NO_DIGEST, author: peerIdOf(new Uint8Array(32)), mode: "agreed", codec: 4, flags: 0 },
  ...{ reference: NO_DIGEST, round: 12, sequence: NOW, payload: NO_DIGEST },
  ...{ payloadBytes: 5028, examples: 1500, issuedAt: NOW, expiresAt: NOW + 12 * HOUR_MS },
});

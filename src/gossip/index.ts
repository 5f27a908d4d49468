/**
 * The wire; the only home of libp2p. Bytes in, bytes out.
 *
 * @packageDocumentation
 */

export {
  CLOCK_TOLERANCE_MS,
  MAX_ANNOUNCEMENT_BYTES,
  parseAnnouncement,
  signAnnouncement,
} from "./announcements/announcement.ts";
export { type NetworkConfig, networkConfigSchema } from "./config.ts";
export type * from "./contract.ts";
export {
  createIdentity,
  generateIdentity,
  type Identity,
  isPeerId,
  loadIdentity,
  loadOrCreateIdentity,
  peerIdOf,
} from "./keys/identity.ts";
export { createNetworkKey, loadNetworkKey } from "./keys/network-key.ts";
export type { Log } from "./log.ts";
export { createNetwork, type NetworkOptions } from "./network.ts";
export { digestOf } from "./payloads/digest.ts";

/**
 * The wire; the only home of libp2p. Bytes in, bytes out.
 *
 * @packageDocumentation
 */
export { MAX_ANNOUNCEMENT_BYTES, parseAnnouncement, signAnnouncement } from "./announcement.ts";
export { CODEC_NAMES, type Codec, type CodecName, type Decoded } from "./codec.ts";
export { CODECS, codecByName } from "./codecs.ts";
export { type NetworkConfig, networkConfigSchema } from "./config.ts";
export type * from "./contract.ts";
export { digestOf } from "./digest.ts";
export {
  createIdentity,
  generateIdentity,
  type Identity,
  isPeerId,
  loadIdentity,
  loadOrCreateIdentity,
} from "./identity.ts";
export type { Log } from "./log.ts";
export { createNetwork, type NetworkOptions } from "./network.ts";
export { createNetworkKey, loadNetworkKey } from "./network-key.ts";

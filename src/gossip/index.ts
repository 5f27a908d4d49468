/**
 * The wire; the only home of libp2p. Bytes in, bytes out.
 *
 * @packageDocumentation
 */

export {
  ADMISSION_REFUSALS,
  MAX_OFFER_BYTES,
  MAX_TOLD_ADDRESSES,
} from "./admission/admission-message.ts";
export { openSealedRun, sealRun } from "./admission/sealed-run.ts";
export {
  encodeTicket,
  isProof,
  type ParsedTicket,
  parseTicket,
  proofOf,
  rightOf,
  SECRET_BYTES,
  type Ticket,
} from "./admission/ticket.ts";
export {
  blockDigest,
  decodeBlock,
  encodeBlock,
  formTrouble,
  MAX_BLOCK_BYTES,
} from "./agreement/block.ts";
export { decodeCertificate, saidBy, sealCertificate } from "./agreement/certificate.ts";
export {
  decodeEntry,
  decodePage,
  encodePage,
  MAX_PAGE_ENTRIES,
  type PageRequest,
} from "./agreement/chain-page.ts";
export { decidedBytes, ROUNDS_MAX, STEPS_MAX } from "./agreement/decision.ts";
export { sealStatement, signStatement } from "./agreement/envelope.ts";
export { rosterDigest } from "./agreement/fields.ts";
export { inShort, isShort, NOTHING_KNOWN } from "./agreement/in-short.ts";
export { Incomplete, type IncompleteOptions } from "./agreement/incomplete.ts";
export { inventoryBytes } from "./agreement/inventory-message.ts";
export { CHANGE_KINDS, OPINIONS, VOTE_KINDS } from "./agreement/messages.ts";
export { MAX_AGREEMENT_BYTES, parseAgreement, wholeOf } from "./agreement/parse.ts";
export { attackersOf, quorumOf } from "./agreement/quorum.ts";
export { changedBytes, isChangeSigned } from "./agreement/roster-change.ts";
export { type CheckSignature, Signatures } from "./agreement/signatures.ts";
export { signedBytes } from "./agreement/statement.ts";
export { asTold } from "./agreement/told.ts";
export { verifiedChain, verifyBlock, verifyCertificate } from "./agreement/verify.ts";
export {
  announcementBytes,
  CLOCK_TOLERANCE_MS,
  MAX_ANNOUNCEMENT_BYTES,
  parseAnnouncement,
  sealAnnouncement,
  signAnnouncement,
  testimonyOf,
} from "./announcements/announcement.ts";
export { type NetworkConfig, networkConfigSchema } from "./config.ts";
export { type Address, parseAddress, parseListenAddress } from "./connections/address.ts";
export { type Range, rangeOf } from "./connections/address-range.ts";
export { TokenBuckets } from "./connections/token-bucket.ts";
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
export type { NetworkOptions } from "./network.ts";
export { createNetwork } from "./on-demand.ts";
export { digestOf } from "./payloads/digest.ts";

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { concat, fromString, toString as textOf } from "uint8arrays";
import { z } from "zod";
import type { Digest, PeerId, Timestamp } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { type Address, MAX_ADDRESS_LENGTH, parseAddress } from "../connections/address.ts";
import { peerIdOf, publicKeyOf } from "../keys/identity.ts";
import { MAX_TOLD_ADDRESSES } from "./admission-message.ts";

/** Length of the secret that proves a right to be admitted. */
export const SECRET_BYTES = 16;

/** What somebody needs to find a run that is to begin, to know it again, and to be admitted to it. */
export interface Ticket {
  /** Digest of what the creator offers: the run section without its members. */
  readonly run: Digest;
  readonly creator: PeerId;
  /** Where the creator is, at least one. */
  readonly addresses: readonly string[];
  /** Proves the right to be admitted, once or more often. */
  readonly secret: Uint8Array;
  /** When that right ends; whole seconds. */
  readonly expires: Timestamp;
}

/** A ticket, or why a text is none, for a person. */
export type ParsedTicket = { readonly ticket: Ticket } | { readonly refusal: string };

/**
 * One line of capitals and digits, so that a QR code holds it in its dense alphabet: `KLATCH1`, then base32 of length
 * (two bytes), canonical CBOR and the first six bytes of its SHA-256.
 */
export function encodeTicket({ run, creator, addresses, secret, expires }: Ticket): string {
  const content = encodeCanonical([
    VERSION,
    fromString(run, "hex"),
    publicKeyOf(creator).raw,
    [...addresses],
    secret,
    Math.floor(expires / 1000),
  ]);
  const length = Uint8Array.of(content.byteLength >> 8, content.byteLength & 0xff);
  return PREFIX + textOf(concat([length, content, checksumOf(content)]), BASE);
}

/** Reads a ticket; capitals or not, and white space within, as mail programs break lines. Never throws. */
export function parseTicket(text: string): ParsedTicket {
  if (text.length > 4 * MAX_TICKET_LENGTH) return { refusal: "it is longer than any ticket" };
  const line = text.replace(/\s+/g, "").toUpperCase();
  if (!line.startsWith(PREFIX)) return { refusal: `it does not begin with ${PREFIX}` };
  const coded = line.slice(PREFIX.length);
  const strange = /[^A-Z2-7]/u.exec(coded);
  if (strange !== null)
    return { refusal: `it was altered: no ticket has the character ${strange}` };
  if (line.length > MAX_TICKET_LENGTH) return { refusal: "it is longer than any ticket" };
  if (coded.length < GROUP) return { refusal: `it was cut: ${line.length} characters are here` };
  const [high = 0, low = 0] = fromString(coded.slice(0, GROUP), BASE);
  const content = (high << 8) | low;
  const whole = Math.ceil((8 * (LENGTH_BYTES + content + CHECKSUM_BYTES)) / 5);
  if (coded.length < whole) {
    const all = PREFIX.length + whole;
    return { refusal: `it was cut: ${line.length} of ${all} characters are here` };
  }
  if (coded.length > whole) return { refusal: "it was altered: it is longer than it says" };
  const bytes = decodeWhole(coded);
  const told = bytes?.subarray(LENGTH_BYTES, LENGTH_BYTES + content);
  const checksum = bytes?.subarray(LENGTH_BYTES + content);
  const isWhole = told && checksum && Buffer.compare(checksumOf(told), checksum) === 0;
  return isWhole ? read(told) : { refusal: "it was altered: its checksum does not hold" };
}

/** The name of a right: by it the creator finds the secret, which it does not give away. */
export function rightOf(secret: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update("klatch/right/1").update(secret).digest();
  return Uint8Array.from(hash.subarray(0, RIGHT_BYTES));
}

/** Proves that a peer has the secret of a ticket; it is worth nothing to another peer, creator or run. */
export function proofOf(
  secret: Uint8Array,
  { run, creator, peer }: { readonly run: Digest; readonly creator: PeerId; readonly peer: PeerId },
): Uint8Array {
  const hmac = createHmac("sha256", secret)
    .update("klatch/admission/1")
    .update(fromString(run, "hex"))
    .update(publicKeyOf(creator).raw)
    .update(publicKeyOf(peer).raw);
  return Uint8Array.from(hmac.digest());
}

/** Whether the proof is that of {@link proofOf}; takes as long for every other of its length. */
export function isProof(
  proof: Uint8Array,
  secret: Uint8Array,
  parties: Parameters<typeof proofOf>[1],
): boolean {
  return proof.byteLength === PROOF_BYTES && timingSafeEqual(proof, proofOf(secret, parties));
}

// --- internal ---

const PREFIX = "KLATCH1";
const BASE = "base32upper";
/** Characters of base32 that make whole bytes. */
const GROUP = 8;
const VERSION = 1;
const LENGTH_BYTES = 2;
const CHECKSUM_BYTES = 6;
const RIGHT_BYTES = 8;
const PROOF_BYTES = 32;
/** Four addresses of the greatest length, and the rest. */
const MAX_TICKET_LENGTH = 2048;

const bytesOf = (length: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength === length);
const place = z
  .string()
  .max(MAX_ADDRESS_LENGTH)
  .transform((text) => parseAddress(text))
  .refine((parsed): parsed is { address: Address; peer: null } => {
    return "address" in parsed && parsed.peer === null;
  })
  .transform(({ address }) => address.text);
const schema = z.tuple([
  z.literal(VERSION),
  bytesOf(32),
  bytesOf(32),
  z.array(place).min(1).max(MAX_TOLD_ADDRESSES),
  bytesOf(SECRET_BYTES),
  z
    .int()
    .min(0)
    .max(2 ** 40),
]);

/** Null where the last character has bits that no byte has. */
function decodeWhole(coded: string): Uint8Array | null {
  try {
    return fromString(coded, BASE);
  } catch (error) {
    // the decoder says so by throwing
    if (!(error instanceof Error)) throw error;
    return null;
  }
}

function checksumOf(content: Uint8Array): Uint8Array {
  return createHash("sha256").update(content).digest().subarray(0, CHECKSUM_BYTES);
}

function read(content: Uint8Array): ParsedTicket {
  const value = decodeCanonical(content, 32);
  const version: unknown = Array.isArray(value) ? value[0] : null;
  if (Number.isInteger(version) && version !== VERSION) {
    return { refusal: `it is of version ${version} of tickets, and this klatch reads ${VERSION}` };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return { refusal: "whoever made it did not make a ticket" };
  const [, run, key, addresses, secret, seconds] = parsed.data;
  const ticket = { run: textOf(run, "hex"), creator: peerIdOf(key), addresses, secret };
  return { ticket: { ...ticket, expires: seconds * 1000 } };
}

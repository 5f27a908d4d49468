import assert from "node:assert/strict";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { concat } from "uint8arrays";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import {
  type Digest,
  type Reason,
  RUN_MODES,
  type RunMode,
  type Timestamp,
  type Verdict,
} from "../../types.ts";
import type { Testimony } from "../agreement/messages.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { peerIdOf, publicKeyOf } from "../keys/identity.ts";
import { bytesToDigest, digestToBytes } from "../payloads/digest.ts";
import type { Announcement, SignedAnnouncement } from "./messages.ts";

/** Largest announcement on the wire, signature included. */
export const MAX_ANNOUNCEMENT_BYTES = 1024;
/** Longest time from issue to expiry. */
export const MAX_LIFETIME_MS = 24 * 60 * 60 * 1000;
/** Difference between two peers' clocks that is put up with. */
export const CLOCK_TOLERANCE_MS = 10 * 60 * 1000;

const DOMAIN = new TextEncoder().encode("klatch/announcement/2");
const VERSION = 2;
const MAX_COUNT = 2 ** 48;
/** What a run is called on the wire, so that peers of another one are told so: the first bytes of its id. */
const RUN_NAME_BYTES = 4;

const bytes = (length: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength === length);
const count = (most: number) => z.int().min(0).max(most);

/**
 * Author's public key, mode, codec, flags, reference, round, by how much the sequence is above the time of issue, payload,
 * payload bytes, examples, issued, lifetime.
 */
const fields = [
  bytes(32),
  count(RUN_MODES.length - 1),
  count(255),
  count(2 ** 32 - 1),
  bytes(32),
  count(2 ** 31),
  z.int().min(-MAX_COUNT).max(MAX_COUNT),
  bytes(32),
  count(2 ** 40),
  count(MAX_COUNT),
  count(MAX_COUNT),
  count(MAX_LIFETIME_MS).min(1),
] as const;
/** What is signed: version, run, the fields. */
const bodySchema = z.tuple([z.literal(VERSION), bytes(32), ...fields]);
type Body = z.output<typeof bodySchema>;
/** What travels: the run by its name, for the reader is of the same; the fields; the Ed25519 signature of the body. */
const wireSchema = z.tuple([bytes(RUN_NAME_BYTES), ...fields, bytes(64)]);

/** What this node puts up with in others' announcements. */
export interface AnnouncementBounds {
  /** The run that this node is of; null where it is of none. */
  readonly run: Digest | null;
  readonly now: Timestamp;
  readonly maxPayloadBytes: number;
}

/**
 * Signs an announcement with the author's key over `klatch/announcement/2` and its canonical CBOR.
 *
 * @throws KlatchError `data` when a field is out of bounds, so that no peer would accept it.
 */
export async function signAnnouncement(
  announcement: Announcement,
  key: Ed25519PrivateKey,
): Promise<SignedAnnouncement> {
  const body = bodyOf(announcement);
  if (!bodySchema.safeParse(body).success || !isSequence(announcement.sequence)) {
    throw new KlatchError(
      "data",
      `The announcement of round ${announcement.round} has a field out of bounds.`,
      "Digests are 64 hexadecimal characters, counts whole numbers, and it expires within 24 hours.",
    );
  }
  const signature = await key.sign(announcedBytes(encodeCanonical(body)));
  return { announcement, bytes: sealed(body, Uint8Array.from(signature)) };
}

/** An announcement with the 64 bytes that `signatureOver` makes of what is signed: unchecked, for simulated peers. */
export function sealAnnouncement(
  announcement: Announcement,
  signatureOver: (bytes: Uint8Array) => Uint8Array,
): SignedAnnouncement {
  const body = bodyOf(announcement);
  const signature = signatureOver(announcedBytes(encodeCanonical(body)));
  return { announcement, bytes: sealed(body, signature) };
}

/** Bytes of an announcement on the wire. */
export function announcementBytes(announcement: Announcement): number {
  return sealed(bodyOf(announcement), new Uint8Array(64)).byteLength;
}

/**
 * The door for announcements: size, form, bounds, lifetime and the author's signature. Who may be an author, and
 * what run and round it is, are for others to judge. Takes any bytes; never throws.
 */
export async function parseAnnouncement(
  input: Uint8Array,
  bounds: AnnouncementBounds,
): Promise<Verdict<SignedAnnouncement>> {
  if (input.byteLength > MAX_ANNOUNCEMENT_BYTES) return reject("too-large");
  const wire = wireSchema.safeParse(decodeCanonical(input));
  if (!wire.success) return reject("malformed");
  const [name, ...rest] = wire.data;
  const run = bounds.run === null ? null : digestToBytes(bounds.run);
  if (run === null || Buffer.compare(name, nameOf(run)) !== 0) {
    return { verdict: "ignore", reason: "other-run" };
  }
  const body = [VERSION, run, ...rest.slice(0, -1)] as Body;
  const announcement = announcementIn(body);
  if (announcement === null) return reject("malformed");
  const { author, payloadBytes, issuedAt, expiresAt } = announcement;
  const signature = rest.at(-1) as Uint8Array;
  if (!(await isSigned(author, encodeCanonical(body), signature))) return reject("bad-signature");
  // the limit is this node's own: others pass it on in good faith
  if (payloadBytes > bounds.maxPayloadBytes) return { verdict: "ignore", reason: "too-large" };
  // clocks differ between honest peers: not the sender's fault
  if (bounds.now > expiresAt + CLOCK_TOLERANCE_MS) return { verdict: "ignore", reason: "expired" };
  // an announcement from the future cannot expire in time; its author's clock is wrong, or it lies
  if (issuedAt > bounds.now + CLOCK_TOLERANCE_MS) return { verdict: "ignore", reason: "expired" };
  // a copy: the input is a view of a whole network message, which would be kept alive with it
  return { verdict: "accept", value: { announcement, bytes: Uint8Array.from(input) } };
}

/** What an announcement's author signed, read; null when it is malformed. Never throws. */
export function readBody(body: Uint8Array): Announcement | null {
  const read = bodySchema.safeParse(decodeCanonical(body));
  return read.success ? announcementIn(read.data) : null;
}

/** What the signature of an announcement is over. */
export function announcedBytes(body: Uint8Array): Uint8Array {
  return concat([DOMAIN, body]);
}

/** An announcement as it can be evidence; null where it did not come by the wire. */
export function testimonyOf({ announcement, bytes: whole }: SignedAnnouncement): Testimony | null {
  const { run, round: height, payload } = announcement;
  const wire = wireSchema.safeParse(decodeCanonical(whole));
  if (!wire.success) return null;
  const body = encodeCanonical(bodyOf(announcement));
  const statement = { kind: "announcement", run, height, payload, body } as const;
  return { statement, signature: wire.data.at(-1) as Uint8Array };
}

// --- internal ---

function bodyOf(announcement: Announcement): Body {
  const { issuedAt } = announcement;
  return [
    VERSION,
    digestToBytes(announcement.run),
    publicKeyOf(announcement.author).raw,
    RUN_MODES.indexOf(announcement.mode),
    announcement.codec,
    announcement.flags,
    digestToBytes(announcement.reference),
    announcement.round,
    announcement.sequence - issuedAt,
    digestToBytes(announcement.payload),
    announcement.payloadBytes,
    announcement.examples,
    issuedAt,
    announcement.expiresAt - issuedAt,
  ];
}

/** Null where the sequence is out of bounds. */
function announcementIn(body: Body): Announcement | null {
  const [, run, author, mode, codec, flags, reference, round, ahead, payload, ...rest] = body;
  const [payloadBytes, examples, issuedAt, lifetime] = rest;
  const sequence = issuedAt + ahead;
  if (!isSequence(sequence)) return null;
  return {
    ...{ run: bytesToDigest(run), author: peerIdOf(author), mode: RUN_MODES[mode] as RunMode },
    ...{ codec, flags, reference: bytesToDigest(reference), round, sequence },
    ...{ payload: bytesToDigest(payload), payloadBytes, examples },
    ...{ issuedAt, expiresAt: issuedAt + lifetime },
  };
}

function sealed([, run, ...rest]: Body, signature: Uint8Array): Uint8Array {
  return encodeCanonical([nameOf(run), ...rest, signature]);
}

const nameOf = (run: Uint8Array): Uint8Array => run.subarray(0, RUN_NAME_BYTES);

async function isSigned(peer: string, body: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await publicKeyOf(peer).verify(announcedBytes(body), signature);
  } catch (error) {
    // 32 bytes that are no point of the curve: OpenSSL throws instead of answering
    assert(error instanceof Error);
    return false;
  }
}

function isSequence(value: number): boolean {
  return value >= 0 && value <= MAX_COUNT;
}

function reject(reason: Reason): Verdict<SignedAnnouncement> {
  return { verdict: "reject", reason };
}

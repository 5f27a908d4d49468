import assert from "node:assert/strict";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { concat } from "uint8arrays";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { type Reason, RUN_MODES, type RunMode, type Timestamp, type Verdict } from "../../types.ts";
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

const bytes = (length: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength === length);
const count = (most: number) => z.int().min(0).max(most);

/**
 * version, run, base, author's public key, mode, codec, flags, reference, round, sequence, payload, payload bytes,
 * examples, issued, expires.
 */
const bodySchema = z.tuple([
  z.literal(VERSION),
  bytes(32),
  bytes(32),
  bytes(32),
  count(RUN_MODES.length - 1),
  count(255),
  count(2 ** 32 - 1),
  bytes(32),
  count(2 ** 31),
  count(2 ** 48),
  bytes(32),
  count(2 ** 40),
  count(MAX_COUNT),
  count(MAX_COUNT),
  count(MAX_COUNT),
]);

/** The body as a byte string, so that what was signed is what is checked; then the Ed25519 signature. */
const envelopeSchema = z.tuple([
  z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  bytes(64),
]);

/** What this node puts up with in others' announcements. */
export interface AnnouncementBounds {
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
  const fields = [
    VERSION,
    digestToBytes(announcement.run),
    digestToBytes(announcement.base),
    publicKeyOf(announcement.author).raw,
    RUN_MODES.indexOf(announcement.mode),
    announcement.codec,
    announcement.flags,
    digestToBytes(announcement.reference),
    announcement.round,
    announcement.sequence,
    digestToBytes(announcement.payload),
    announcement.payloadBytes,
    announcement.examples,
    announcement.issuedAt,
    announcement.expiresAt,
  ];
  const lifetime = announcement.expiresAt - announcement.issuedAt;
  if (!bodySchema.safeParse(fields).success || !isLifetime(lifetime)) {
    throw new KlatchError(
      "data",
      `The announcement of round ${announcement.round} has a field out of bounds.`,
      "Digests are 64 hexadecimal characters, counts whole numbers, and it expires within 24 hours.",
    );
  }
  const body = encodeCanonical(fields);
  const signature = await key.sign(announcedBytes(body));
  return { announcement, bytes: encodeCanonical([body, Uint8Array.from(signature)]) };
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
  const envelope = envelopeSchema.safeParse(decodeCanonical(input));
  if (!envelope.success) return reject("malformed");
  const [body, signature] = envelope.data;
  const announcement = readBody(body);
  if (announcement === null) return reject("malformed");
  const { author, payloadBytes, issuedAt, expiresAt } = announcement;
  if (!(await isSigned(author, body, signature))) return reject("bad-signature");
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
  const fields = bodySchema.safeParse(decodeCanonical(body));
  if (!fields.success) return null;
  const [, run, base, author, mode, codec, flags, reference, round, sequence, payload, ...rest] =
    fields.data;
  const [payloadBytes, examples, issuedAt, expiresAt] = rest;
  if (!isLifetime(expiresAt - issuedAt)) return null;
  return {
    ...{ run: bytesToDigest(run), base: bytesToDigest(base), author: peerIdOf(author) },
    ...{ mode: RUN_MODES[mode] as RunMode, codec, flags, reference: bytesToDigest(reference) },
    ...{ round, sequence, payload: bytesToDigest(payload), payloadBytes, examples },
    ...{ issuedAt, expiresAt },
  };
}

/** What the signature of an announcement is over. */
export function announcedBytes(body: Uint8Array): Uint8Array {
  return concat([DOMAIN, body]);
}

/** An announcement as it can be evidence. */
export function testimonyOf({ announcement, bytes: sealed }: SignedAnnouncement): Testimony | null {
  const { run, round: height, payload } = announcement;
  const envelope = envelopeSchema.safeParse(decodeCanonical(sealed));
  if (!envelope.success) return null;
  const [body, signature] = envelope.data;
  return { statement: { kind: "announcement", run, height, payload, body }, signature };
}

async function isSigned(peer: string, body: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await publicKeyOf(peer).verify(announcedBytes(body), signature);
  } catch (error) {
    // 32 bytes that are no point of the curve: OpenSSL throws instead of answering
    assert(error instanceof Error);
    return false;
  }
}

function isLifetime(milliseconds: number): boolean {
  return milliseconds > 0 && milliseconds <= MAX_LIFETIME_MS;
}

function reject(reason: Reason): Verdict<SignedAnnouncement> {
  return { verdict: "reject", reason };
}

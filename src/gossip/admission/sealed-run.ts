import { concat } from "uint8arrays";
import { z } from "zod";
import type { PeerId } from "../../types.ts";
import { Signatures } from "../agreement/signatures.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { MAX_ADDRESS_LENGTH } from "../connections/address.ts";
import { type Identity, peerIdOf, publicKeyOf } from "../keys/identity.ts";

/** Largest sealed run: a thousand members with two addresses each. */
export const MAX_SEALED_BYTES = 512 * 1024;

/** Who takes part in a run that begins, and where each said it is. */
export interface SealedMember {
  readonly peer: PeerId;
  readonly addresses: readonly string[];
}

/** A run whose members are fixed. */
export interface SealedRun {
  /** What the creator offered, to the byte. */
  readonly offer: Uint8Array;
  readonly members: readonly SealedMember[];
}

/** Canonical CBOR of [ body, signature of the creator over it ]. */
export async function sealRun({ offer, members }: SealedRun, by: Identity): Promise<Uint8Array> {
  const told = members.map(({ peer, addresses }) => [publicKeyOf(peer).raw, [...addresses]]);
  const body = encodeCanonical([VERSION, offer, told]);
  return encodeCanonical([body, Uint8Array.from(await by.key.sign(signedBytes(body)))]);
}

/** Reads a sealed run; null when it is malformed, or not signed by this creator. Never throws. */
export function openSealedRun(bytes: Uint8Array, creator: PeerId): SealedRun | null {
  if (bytes.byteLength > MAX_SEALED_BYTES) return null;
  const envelope = envelopeSchema.safeParse(decodeCanonical(bytes, 8)).data;
  if (envelope === undefined) return null;
  const [body, signature] = envelope;
  if (!new Signatures().check(creator, signedBytes(body), signature)) return null;
  const parsed = bodySchema.safeParse(decodeCanonical(body)).data;
  if (parsed === undefined) return null;
  const [, offer, told] = parsed;
  const members = told.map(([key, addresses]) => ({ peer: peerIdOf(key), addresses }));
  const isOnce = new Set(members.map(({ peer }) => peer)).size === members.length;
  return isOnce ? { offer, members } : null;
}

// --- internal ---

const VERSION = 1;
const MAX_MEMBERS = 1000;
const MAX_ADDRESSES = 4;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const bytes = z.custom<Uint8Array>(isBytes);
const bytesOf = (length: number) =>
  z.custom<Uint8Array>((value) => isBytes(value) && value.byteLength === length);

const envelopeSchema = z.tuple([bytes, bytesOf(64)]);
const bodySchema = z.tuple([
  z.literal(VERSION),
  bytes,
  z
    .array(z.tuple([bytesOf(32), z.array(z.string().max(MAX_ADDRESS_LENGTH)).max(MAX_ADDRESSES)]))
    .max(MAX_MEMBERS),
]);

function signedBytes(body: Uint8Array): Uint8Array {
  return concat([new TextEncoder().encode("klatch/sealed/1"), body]);
}

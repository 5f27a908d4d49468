import { createHash } from "node:crypto";
import { concat } from "uint8arrays";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { Digest, PeerId } from "../../types.ts";
import { publicKeyOf } from "../keys/identity.ts";
import { bytesToDigest, DIGEST_BYTES, digestOf, digestToBytes } from "../payloads/digest.ts";
import { type HeightName, type HeldPayload, OPINIONS, type Opinion } from "./messages.ts";

/** Members of a roster. */
export const MAX_MEMBERS = 1000;
export const SIGNATURE_BYTES = 64;
/** A message is one array of a dozen values; a block inside is bytes. */
export const MAX_ENVELOPE_ITEMS = 16;
export const MAX_HEIGHT = 2 ** 31;
const MAX_VIEW = 2 ** 31;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

export const count = (most: number) => z.int().min(0).max(most);
export const bytesOf = (length: number) =>
  z.custom<Uint8Array>((value) => isBytes(value) && value.byteLength === length);
/** Bytes of some length up to a limit that is a multiple of `unit`. */
export const bytesUpTo = (most: number, unit = 1) =>
  z.custom<Uint8Array>(
    (value) => isBytes(value) && value.byteLength <= most && value.byteLength % unit === 0,
  );

export const digestField = bytesOf(DIGEST_BYTES).transform(bytesToDigest);
export const signatureField = bytesOf(SIGNATURE_BYTES).transform((bytes) => Uint8Array.from(bytes));
/** One bit for each place. */
export const bitmapField = bytesUpTo(Math.ceil(MAX_MEMBERS / 8));
export const viewField = count(MAX_VIEW);
/** run, height, parent: what every message begins with. */
export const heightFields = [digestField, count(MAX_HEIGHT), digestField] as const;

export function encodeHeight({ run, height, parent }: HeightName): readonly unknown[] {
  return [digestToBytes(run), height, digestToBytes(parent)];
}

/** One byte for each place of the roster. */
export function opinionsField() {
  const isKnown = (byte: number) => byte < OPINIONS.length;
  return bytesUpTo(MAX_MEMBERS)
    .refine((bytes) => bytes.every(isKnown))
    .transform((bytes) => Array.from(bytes, (byte) => OPINIONS[byte] as Opinion));
}

export function encodeOpinions(opinions: readonly Opinion[]): Uint8Array {
  return Uint8Array.from(opinions, (opinion) => OPINIONS.indexOf(opinion));
}

/** Bit `place % 8` of byte `place / 8`, the lowest first; as many bytes as `size` places take. */
export function encodeBitmap(places: readonly number[], size: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(size / 8));
  for (const place of places) bitmap[place >> 3] = (bitmap[place >> 3] ?? 0) | (1 << (place & 7));
  return bitmap;
}

/** The places in order; null when the bitmap is not one of `size` places. */
export function decodeBitmap(bitmap: Uint8Array, size: number): readonly number[] | null {
  if (bitmap.byteLength !== Math.ceil(size / 8)) return null;
  const places = Array.from({ length: 8 * bitmap.byteLength }, (_, place) => place).filter(
    (place) => (bitmap[place >> 3] ?? 0) & (1 << (place & 7)),
  );
  return (places.at(-1) ?? -1) < size ? places : null;
}

/** Copies of equal parts that lie one after the other; null when there are not so many. */
export function decodeParts(
  bytes: Uint8Array,
  length: number,
  amount: number,
): readonly Uint8Array[] | null {
  if (bytes.byteLength !== length * amount) return null;
  return Array.from({ length: amount }, (_, index) =>
    Uint8Array.from(bytes.subarray(index * length, (index + 1) * length)),
  );
}

/** SHA-256 over the digests of payloads, by place: what a list and a ballot are signed over. */
export function heldDigest(held: readonly HeldPayload[]): Digest {
  const digests = held.map(({ payload }) => payload).join("");
  return createHash("sha256").update(digests, "hex").digest("hex");
}

/** SHA-256 over the raw public keys of the members, in the roster's order. */
export function rosterDigest(roster: readonly PeerId[]): Digest {
  return digestOf(concat(roster.map((peer) => publicKeyOf(peer).raw)));
}

/** Whether numbers rise from each to the next, and stay below a limit. */
export function areRising(numbers: readonly number[], below: number): boolean {
  return numbers.every(
    (number, index) => number < below && (index === 0 || number > (numbers[index - 1] ?? -1)),
  );
}

/** What is thrown for a message of this node's own that no peer would take. */
export function outOfBounds(what: string): KlatchError {
  return new KlatchError(
    "data",
    `${what} has a field out of bounds.`,
    "Digests are 64 hexadecimal characters, places rise and are those of the roster, counts are whole numbers.",
  );
}

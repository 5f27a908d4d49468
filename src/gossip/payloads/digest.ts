import { hash } from "node:crypto";
import { fromString, toString as textOf } from "uint8arrays";
import type { Digest } from "../../types.ts";

/** Bytes of a SHA-256 digest. */
export const DIGEST_BYTES = 32;

/** SHA-256 of the bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return hash("sha256", bytes);
}

/** The 32 bytes of a digest; no bytes at all when the text is not 64 lower-case hexadecimal characters. */
export function digestToBytes(digest: Digest): Uint8Array {
  return /^[0-9a-f]{64}$/.test(digest) ? fromString(digest, "base16") : new Uint8Array();
}

/** The text form of 32 digest bytes. */
export function bytesToDigest(bytes: Uint8Array): Digest {
  return textOf(bytes, "base16");
}

import assert from "node:assert/strict";
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { PeerId } from "../../types.ts";
import { publicKeyOf } from "../keys/identity.ts";

/** Keys and valid signatures remembered: a few heights of the largest rosters in use. */
const MAX_KEYS = 4096;
const MAX_REMEMBERED = 32_768;

/** Whether a signature of an author over these bytes holds. Never throws. */
export type CheckSignature = (author: PeerId, signed: Uint8Array, signature: Uint8Array) => boolean;

/**
 * Checks Ed25519 signatures, and remembers those that hold: what came as a vote or a ballot comes again in every
 * certificate and block, from every member that made one.
 */
export class Signatures {
  readonly #keys = new Map<PeerId, KeyObject | null>();
  readonly #valid = new Set<string>();

  readonly check: CheckSignature = (author, signed, signature) => {
    // the signature and the author have one length each
    const hash = createHash("sha256").update(signature).update(author).update(signed);
    const id = hash.digest("base64");
    if (this.#valid.has(id)) return true;
    const key = this.#keyOf(author);
    const holds = key !== null && isSigned(key, signed, signature);
    if (holds) keep(this.#valid, this.#valid.add(id).size - MAX_REMEMBERED);
    return holds;
  };

  #keyOf(author: PeerId): KeyObject | null {
    const known = this.#keys.get(author);
    if (known !== undefined) return known;
    const key = keyOf(author);
    keep(this.#keys, this.#keys.set(author, key).size - MAX_KEYS);
    return key;
  }
}

/** Drops the oldest one where there is one more than there may be. */
function keep(kept: Map<string, unknown> | Set<string>, excess: number): void {
  const oldest = kept.keys().next().value;
  if (excess > 0 && oldest !== undefined) kept.delete(oldest);
}

function keyOf(author: PeerId): KeyObject | null {
  try {
    const x = Buffer.from(publicKeyOf(author).raw).toString("base64url");
    return createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
  } catch (error) {
    assert(error instanceof Error);
    return null;
  }
}

function isSigned(key: KeyObject, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(null, signed, key, signature);
  } catch (error) {
    // 32 bytes that are no point of the curve: OpenSSL throws instead of answering
    assert(error instanceof Error);
    return false;
  }
}

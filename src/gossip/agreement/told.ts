import type { Digest, PeerId } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { publicKeyOf } from "../keys/identity.ts";
import { digestToBytes } from "../payloads/digest.ts";
import { WIRE_VERSION } from "./certificate.ts";
import { MAX_ENVELOPE_ITEMS } from "./fields.ts";

/** Who tells something over a connection of its own, and of which run. */
export interface Teller {
  readonly author: PeerId;
  readonly run: Digest;
}

/**
 * A message as it is told straight: without version, author and run, which the other end of the connection knows. A
 * statement is [ kind, fields, signature ], a certificate [ kind, fields, signers, signatures ]. What is no message stays as
 * it is. Takes any bytes.
 */
export function asTold(message: Uint8Array): Uint8Array {
  const value = decodeCanonical(message, MAX_ENVELOPE_ITEMS);
  const envelope: readonly unknown[] = Array.isArray(value) ? value : [];
  const at = envelope.findIndex(Array.isArray);
  if (at < 0) return message;
  const [, ...fields] = envelope[at] as readonly unknown[];
  return encodeCanonical([envelope[1], fields, ...envelope.slice(at + 1)]);
}

/**
 * The message that a teller means, to be judged like any; null where it is none. What another author has signed, or this
 * one for another run, becomes a message whose signature does not hold. Takes any bytes; never throws.
 */
export function asMeant(told: Uint8Array, { author, run }: Teller): Uint8Array | null {
  const value = decodeCanonical(told, MAX_ENVELOPE_ITEMS);
  if (!Array.isArray(value) || !Array.isArray(value[1])) return null;
  const [kind, fields, ...proof] = value as [unknown, unknown[], ...unknown[]];
  const signer = proof.length === 1 ? [publicKeyOf(author).raw] : [];
  return encodeCanonical([
    WIRE_VERSION,
    kind,
    ...signer,
    [digestToBytes(run), ...fields],
    ...proof,
  ]);
}

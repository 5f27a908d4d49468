import { concat } from "uint8arrays";
import type { PeerId } from "../../types.ts";
import {
  bitmapField,
  bytesUpTo,
  decodeBitmap,
  decodeParts,
  encodeBitmap,
  MAX_MEMBERS,
  SIGNATURE_BYTES,
} from "./fields.ts";
import type { CheckSignature } from "./signatures.ts";

/** A signature of the member that has a place in a roster. */
export interface MemberSignature {
  readonly place: number;
  readonly signature: Uint8Array;
}

/** Who has signed, and the signatures in the order of their places. */
export const signatureFields = [
  bitmapField,
  bytesUpTo(MAX_MEMBERS * SIGNATURE_BYTES, SIGNATURE_BYTES),
] as const;

/** Signatures of members, in the order of their places, as they travel; of a roster of `size` members. */
export function encodeSignatures(
  signatures: readonly MemberSignature[],
  size: number,
): readonly [bitmap: Uint8Array, parts: Uint8Array] {
  const places = signatures.map(({ place }) => place);
  return [encodeBitmap(places, size), concat(signatures.map(({ signature }) => signature))];
}

/** Reads {@link signatureFields}; null where there are not as many signatures as members who signed. */
export function decodeSignatures(
  bitmap: Uint8Array,
  parts: Uint8Array,
  size: number,
): readonly MemberSignature[] | null {
  const places = decodeBitmap(bitmap, size);
  const signatures = places && decodeParts(parts, SIGNATURE_BYTES, places.length);
  if (places === null || signatures === null) return null;
  return signatures.map((signature, index) => ({ place: places[index] as number, signature }));
}

/** Whether members of the roster have signed these bytes. How many, others judge. */
export function areSignedBy(
  roster: readonly PeerId[],
  bytes: Uint8Array,
  signatures: readonly MemberSignature[],
  check: CheckSignature,
): boolean {
  return signatures.every(({ place, signature }) => {
    const member = roster[place];
    return member !== undefined && check(member, bytes, signature);
  });
}

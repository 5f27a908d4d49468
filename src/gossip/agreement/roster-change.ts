import { concat } from "uint8arrays";
import { z } from "zod";
import type { PeerId } from "../../types.ts";
import { encodeCanonical } from "../canonical-cbor.ts";
import { peerIdOf, publicKeyOf } from "../keys/identity.ts";
import { digestToBytes } from "../payloads/digest.ts";
import { bytesOf, count, signatureField } from "./fields.ts";
import {
  areSignedBy,
  decodeSignatures,
  encodeSignatures,
  signatureFields,
} from "./member-signatures.ts";
import { type Block, CHANGE_KINDS, type ChangeKind, type RosterChange } from "./messages.ts";
import type { CheckSignature } from "./signatures.ts";

const DOMAIN = new TextEncoder().encode("klatch/roster/1");
const peerField = bytesOf(32).transform(peerIdOf);

/** Kind, peer, its new key, what the new key signed, who signed, and their signatures; run and roster are the block's. */
export const rosterChangeField = z.tuple([
  count(CHANGE_KINDS.length - 1).transform((index) => CHANGE_KINDS[index] as ChangeKind),
  peerField,
  peerField.nullable(),
  signatureField.nullable(),
  ...signatureFields,
]);

/** What is signed for a change: by members of the roster that it changes, and by the key that is new. */
export function changedBytes(change: Omit<RosterChange, "consent" | "signatures">): Uint8Array {
  const { run, roster, kind, peer, successor } = change;
  const named = [digestToBytes(run), digestToBytes(roster), CHANGE_KINDS.indexOf(kind)];
  return concat([DOMAIN, encodeCanonical([...named, keyOf(peer), successor && keyOf(successor)])]);
}

/** A change as it travels in a block of a roster of `size` members. */
export function encodeRosterChange(change: RosterChange, size: number): readonly unknown[] {
  const { kind, peer, successor, consent, signatures } = change;
  return [
    ...[CHANGE_KINDS.indexOf(kind), keyOf(peer), successor && keyOf(successor), consent],
    ...encodeSignatures(signatures, size),
  ];
}

/** The changes of a block; null where the fields of one do not fit together. */
export function decodeRosterChanges(
  rows: readonly z.output<typeof rosterChangeField>[],
  { run, roster }: Pick<Block, "run" | "roster">,
  size: number,
): readonly RosterChange[] | null {
  const changes: RosterChange[] = [];
  for (const [kind, peer, successor, consent, bitmap, parts] of rows) {
    const signatures = decodeSignatures(bitmap, parts, size);
    if (signatures === null) return null;
    changes.push({ kind, run, roster, peer, successor, consent, signatures });
  }
  return changes;
}

/** Whether members of the roster have signed a change, and so has the key that is new. How many, others judge. */
export function isChangeSigned(
  change: RosterChange,
  roster: readonly PeerId[],
  check: CheckSignature,
): boolean {
  const bytes = changedBytes(change);
  const { peer, successor, consent, signatures } = change;
  const areMembers = areSignedBy(roster, bytes, signatures, check);
  return areMembers && (consent === null || check(successor ?? peer, bytes, consent));
}

// --- internal ---

function keyOf(peer: PeerId): Uint8Array {
  return publicKeyOf(peer).raw;
}

import { concat } from "uint8arrays";
import { z } from "zod";
import type { PeerId } from "../../types.ts";
import { encodeCanonical } from "../canonical-cbor.ts";
import { digestToBytes } from "../payloads/digest.ts";
import {
  bitmapField,
  bytesUpTo,
  count,
  decodeBitmap,
  decodeParts,
  encodeBitmap,
  MAX_HEIGHT,
  MAX_MEMBERS,
  SIGNATURE_BYTES,
} from "./fields.ts";
import type { Block, Decision } from "./messages.ts";
import type { CheckSignature } from "./signatures.ts";

const DOMAIN = new TextEncoder().encode("klatch/decision/1");
const KINDS = ["set"] as const;
/** What a node may have in its configuration, and no more. */
export const ROUNDS_MAX = 1_000_000;
export const STEPS_MAX = 100_000;

/** Kind, number, rounds, steps, height from which on, who signed, and their signatures; run and roster are the block's. */
const row = z.tuple([
  z.literal(0),
  count(MAX_HEIGHT),
  count(ROUNDS_MAX).min(1),
  count(STEPS_MAX).min(1),
  count(MAX_HEIGHT),
  bitmapField,
  bytesUpTo(MAX_MEMBERS * SIGNATURE_BYTES, SIGNATURE_BYTES),
]);

/** The decision of a block, if it has one. */
export const decisionField = z.array(row).max(1);

/** What members sign for a decision. */
export function decidedBytes(decision: Omit<Decision, "signatures">): Uint8Array {
  const { run, roster } = decision;
  const named = [digestToBytes(run), digestToBytes(roster), ...contentOf(decision)];
  return concat([DOMAIN, encodeCanonical(named)]);
}

/** A decision, or none, as it travels in a block of a roster of `size` members. */
export function encodeDecision(decision: Decision | null, size: number): readonly unknown[] {
  if (decision === null) return [];
  const places = decision.signatures.map(({ place }) => place);
  const parts = concat(decision.signatures.map(({ signature }) => signature));
  return [[...contentOf(decision), encodeBitmap(places, size), parts]];
}

/** The decision of a block, null of none; undefined where its fields do not fit together. */
export function decodeDecision(
  [first]: z.output<typeof decisionField>,
  { run, roster }: Pick<Block, "run" | "roster">,
  size: number,
): Decision | null | undefined {
  if (first === undefined) return null;
  const [kind, number, rounds, steps, from, bitmap, parts] = first;
  const places = decodeBitmap(bitmap, size);
  const signed = places && decodeParts(parts, SIGNATURE_BYTES, places.length);
  if (places === null || signed === null) return undefined;
  const signatures = signed.map((signature, i) => ({ place: places[i] as number, signature }));
  return { kind: KINDS[kind], run, roster, number, rounds, steps, from, signatures };
}

/** Whether members of the roster have signed a decision. How many, others judge. */
export function isDecisionSigned(
  decision: Decision,
  roster: readonly PeerId[],
  check: CheckSignature,
): boolean {
  const bytes = decidedBytes(decision);
  return decision.signatures.every(({ place, signature }) => {
    const member = roster[place];
    return member !== undefined && check(member, bytes, signature);
  });
}

// --- internal ---

function contentOf({ kind, number, rounds, steps, from }: Omit<Decision, "signatures">) {
  return [KINDS.indexOf(kind), number, rounds, steps, from];
}

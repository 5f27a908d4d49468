import { concat } from "uint8arrays";
import { z } from "zod";
import type { PeerId } from "../../types.ts";
import { encodeCanonical } from "../canonical-cbor.ts";
import { peerIdOf, publicKeyOf } from "../keys/identity.ts";
import { digestToBytes } from "../payloads/digest.ts";
import { bytesOf, count, MAX_HEIGHT } from "./fields.ts";
import {
  areSignedBy,
  decodeSignatures,
  encodeSignatures,
  signatureFields,
} from "./member-signatures.ts";
import type { Block, Decision, Rollback, Setting } from "./messages.ts";
import type { CheckSignature } from "./signatures.ts";

const DOMAIN = new TextEncoder().encode("klatch/decision/1");
const KINDS = ["set", "rollback"] as const;
/** What a node may have in its configuration, and no more. */
export const ROUNDS_MAX = 1_000_000;
export const STEPS_MAX = 100_000;

/** Kind, number, rounds, steps, height from which on, who signed, and their signatures; run and roster are the block's. */
const settingRow = z.tuple([
  z.literal(0),
  count(MAX_HEIGHT),
  count(ROUNDS_MAX).min(1),
  count(STEPS_MAX).min(1),
  count(MAX_HEIGHT),
  ...signatureFields,
]);
/** Kind, number, whose updates do not count, first height that is mixed again, who signed, and their signatures. */
const rollbackRow = z.tuple([
  z.literal(1),
  count(MAX_HEIGHT),
  bytesOf(32).transform(peerIdOf),
  count(MAX_HEIGHT),
  ...signatureFields,
]);

/** The decision of a block, if it has one. */
export const decisionField = z.array(z.union([settingRow, rollbackRow])).max(1);

/** What members sign for a decision. */
export function decidedBytes(decision: Unsigned): Uint8Array {
  const { run, roster } = decision;
  const named = [digestToBytes(run), digestToBytes(roster), ...contentOf(decision)];
  return concat([DOMAIN, encodeCanonical(named)]);
}

/** A decision, or none, as it travels in a block of a roster of `size` members. */
export function encodeDecision(decision: Decision | null, size: number): readonly unknown[] {
  if (decision === null) return [];
  return [[...contentOf(decision), ...encodeSignatures(decision.signatures, size)]];
}

/** The decision of a block, null of none; undefined where its fields do not fit together. */
export function decodeDecision(
  [first]: z.output<typeof decisionField>,
  { run, roster }: Pick<Block, "run" | "roster">,
  size: number,
): Decision | null | undefined {
  if (first === undefined) return null;
  const [bitmap, parts] = first[0] === 1 ? [first[4], first[5]] : [first[5], first[6]];
  const signatures = decodeSignatures(bitmap, parts, size);
  if (signatures === null) return undefined;
  const [kind, number] = first;
  const named = { run, roster, number, signatures };
  if (kind === 1) return { kind: "rollback", ...named, without: first[2], since: first[3] };
  return { kind: "set", ...named, rounds: first[2], steps: first[3], from: first[4] };
}

/** Whether members of the roster have signed a decision. How many, others judge. */
export function isDecisionSigned(
  decision: Decision,
  roster: readonly PeerId[],
  check: CheckSignature,
): boolean {
  return areSignedBy(roster, decidedBytes(decision), decision.signatures, check);
}

// --- internal ---

type Unsigned = Omit<Setting, "signatures"> | Omit<Rollback, "signatures">;

function contentOf(decision: Unsigned): readonly unknown[] {
  const named = [KINDS.indexOf(decision.kind), decision.number];
  return decision.kind === "set"
    ? [...named, decision.rounds, decision.steps, decision.from]
    : [...named, publicKeyOf(decision.without).raw, decision.since];
}

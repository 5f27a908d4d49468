import { concat } from "uint8arrays";
import { z } from "zod";
import { MAX_ANNOUNCEMENT_BYTES, readBody } from "../announcements/announcement.ts";
import { bytesToDigest, DIGEST_BYTES, digestToBytes } from "../payloads/digest.ts";
import {
  areRising,
  bitmapField,
  bytesUpTo,
  count,
  decodeBitmap,
  decodeParts,
  digestField,
  encodeBitmap,
  encodeHeight,
  encodeOpinions,
  heightFields,
  MAX_MEMBERS,
  opinionsField,
  signatureField,
  viewField,
} from "./fields.ts";
import {
  type Contradiction,
  type HeldPayload,
  type Said,
  type Testimony,
  VOTE_KINDS,
  type VoteKind,
} from "./messages.ts";

const place = count(MAX_MEMBERS - 1);
const heldField = bytesUpTo(MAX_MEMBERS * DIGEST_BYTES, DIGEST_BYTES);

/**
 * What a member has signed, in a form of its own that travels in blocks only: kind, what was said, signature. A proposal
 * is without its block, whose digest is what is signed; of an announcement it is the body that was signed.
 */
const testimonyField = z.union([
  z.tuple([z.literal(0), ...heightFields, bitmapField, heldField, signatureField]),
  z.tuple([z.literal(1), ...heightFields, opinionsField(), heldField, signatureField]),
  z.tuple([
    ...[z.literal(2), ...heightFields, viewField, digestField, viewField.nullable()],
    signatureField,
  ] as const),
  z.tuple([
    ...[z.literal(3), ...heightFields, viewField, count(VOTE_KINDS.length - 1)],
    digestField.nullable(),
    signatureField,
  ] as const),
  z.tuple([z.literal(4), bytesUpTo(MAX_ANNOUNCEMENT_BYTES), signatureField]),
]);
type TestimonyFields = z.output<typeof testimonyField>;

/** Whose it is, and the two things that contradict each other. */
export const contradictionField = z.tuple([place, testimonyField, testimonyField]);

/** A contradiction as it travels in a block of a roster of `size` members. */
export function encodeContradiction(
  { place: author, first, second }: Contradiction,
  size: number,
): readonly unknown[] {
  return [author, encodeTestimony(first, size), encodeTestimony(second, size)];
}

/** The evidence of a block, each member once and by place; null where the fields do not fit together. */
export function decodeContradictions(
  rows: readonly z.output<typeof contradictionField>[],
  size: number,
): readonly Contradiction[] | null {
  const places = rows.map(([author]) => author);
  if (!areRising(places, size)) return null;
  const evidence: Contradiction[] = [];
  for (const [author, one, other] of rows) {
    const first = decodeTestimony(one, size);
    const second = decodeTestimony(other, size);
    if (first === null || second === null) return null;
    evidence.push({ place: author, first, second });
  }
  return evidence;
}

// --- internal ---

function encodeTestimony({ statement, signature }: Testimony, size: number): readonly unknown[] {
  if (statement.kind === "announcement") return [4, statement.body, signature];
  const name = encodeHeight(statement);
  switch (statement.kind) {
    case "list": {
      const bitmap = encodeBitmap(
        statement.held.map((each) => each.place),
        size,
      );
      return [0, ...name, bitmap, payloadsOf(statement.held), signature];
    }
    case "ballot":
      return [
        ...[1, ...name, encodeOpinions(statement.opinions), payloadsOf(statement.held)],
        signature,
      ];
    case "proposal": {
      const { view, block, confirms } = statement;
      return [2, ...name, view, digestToBytes(block), confirms, signature];
    }
    default: {
      const { view, kind, block } = statement;
      const voted = [view, VOTE_KINDS.indexOf(kind), block === null ? null : digestToBytes(block)];
      return [3, ...name, ...voted, signature];
    }
  }
}

function decodeTestimony(fields: TestimonyFields, size: number): Testimony | null {
  const signature = fields.at(-1) as Uint8Array;
  if (fields[0] === 4) {
    const body = Uint8Array.from(fields[1]);
    const read = readBody(body);
    if (read?.mode !== "agreed") return null;
    const { run, round: height, payload } = read;
    return { statement: { kind: "announcement", run, height, payload, body }, signature };
  }
  const statement = statementOf(fields, size);
  return statement && { statement, signature };
}

function statementOf(fields: Exclude<TestimonyFields, { 0: 4 }>, size: number): Said | null {
  const [, run, height, parent] = fields;
  const name = { run, height, parent };
  switch (fields[0]) {
    case 0: {
      const held = heldAt(decodeBitmap(fields[4], size), fields[5]);
      return held && { ...name, kind: "list", held };
    }
    case 1: {
      const opinions = fields[4];
      const places = [...opinions.keys()].filter((each) => opinions[each] !== "absent");
      const held = heldAt(places, fields[5]);
      return held && { ...name, kind: "ballot", opinions, held };
    }
    case 2: {
      const [, , , , view, block, confirms] = fields;
      if (confirms !== null && confirms >= view) return null;
      return { ...name, kind: "proposal", view, block, confirms, body: null };
    }
    case 3: {
      const [, , , , view, index, block] = fields;
      const kind = VOTE_KINDS[index] as VoteKind;
      return (kind === "nullify") === (block === null) ? { ...name, kind, view, block } : null;
    }
  }
}

function heldAt(
  places: readonly number[] | null,
  payloads: Uint8Array,
): readonly HeldPayload[] | null {
  const parts = places && decodeParts(payloads, DIGEST_BYTES, places.length);
  if (places === null || parts === null) return null;
  return parts.map((part, index) => ({
    place: places[index] as number,
    payload: bytesToDigest(part),
  }));
}

const payloadsOf = (held: readonly HeldPayload[]) =>
  concat(held.map(({ payload }) => digestToBytes(payload)));

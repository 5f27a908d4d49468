import { concat } from "uint8arrays";
import { z } from "zod";
import { encodeCanonical } from "../canonical-cbor.ts";
import { bytesToDigest, DIGEST_BYTES, digestOf, digestToBytes } from "../payloads/digest.ts";
import { encodeBlock, MAX_BLOCK_BYTES } from "./block.ts";

import {
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
  heldDigest,
  MAX_MEMBERS,
  opinionsField,
  outOfBounds,
  viewField,
} from "./fields.ts";
import {
  type Ballot,
  type HeightName,
  type HeldPayload,
  type List,
  type Proposal,
  type Statement,
  VOTE_KINDS,
  type Vote,
  type VoteKind,
} from "./messages.ts";

/** Number of each kind of message on the wire. */
export const WIRE_KINDS = ["list", "ballot", "proposal", "vote", "certificate"] as const;
type WireKind = (typeof WIRE_KINDS)[number];

const heldField = bytesUpTo(MAX_MEMBERS * DIGEST_BYTES, DIGEST_BYTES);
export const voteKindField = count(VOTE_KINDS.length - 1).transform(
  (index) => VOTE_KINDS[index] as VoteKind,
);

/** The fields of a statement of each kind. */
export const STATEMENT_FIELDS = {
  list: z.tuple([...heightFields, bitmapField, heldField]),
  ballot: z.tuple([...heightFields, opinionsField(), heldField]),
  proposal: z.tuple([
    ...heightFields,
    viewField,
    digestField,
    bytesUpTo(MAX_BLOCK_BYTES).nullable(),
    viewField.nullable(),
  ]),
  vote: z.tuple([...heightFields, viewField, voteKindField, digestField.nullable()]),
} as const;
type Fields<Kind extends keyof typeof STATEMENT_FIELDS> = z.output<(typeof STATEMENT_FIELDS)[Kind]>;

export function wireKindOf({ kind }: Statement): Exclude<WireKind, "certificate"> {
  return kind === "notarize" || kind === "nullify" || kind === "finalize" ? "vote" : kind;
}

/** The fields of a statement as they travel, run, height and parent first; `size` is the roster's. */
export function encodeStatement(statement: Statement, size: number): readonly unknown[] {
  const head = encodeHeight(statement);
  switch (statement.kind) {
    case "list":
      return [...head, encodeBitmap(placesOf(statement.held), size), payloadsOf(statement.held)];
    case "ballot":
      return [...head, encodeOpinions(statement.opinions), payloadsOf(statement.held)];
    case "proposal": {
      const { view, block, confirms } = statement;
      const body = statement.body && encodeBlock(statement.body);
      if (body !== null && digestOf(body) !== block)
        throw outOfBounds("A proposal of another block");
      return [...head, view, digestToBytes(block), body, confirms];
    }
    default:
      return [...head, ...votedFields(statement)];
  }
}

/**
 * What is signed: the domain of the kind, then canonical CBOR. Large parts are in it by their digest and the author is
 * not, so that whoever has a block or a certificate can check every signature in it.
 */
export function signedBytes(statement: Statement, size: number): Uint8Array {
  const head = encodeHeight(statement);
  const fields = () => {
    switch (statement.kind) {
      case "list":
        return [encodeBitmap(placesOf(statement.held), size), heldBytes(statement)];
      case "ballot":
        return [encodeOpinions(statement.opinions), heldBytes(statement)];
      case "proposal":
        return [statement.view, digestToBytes(statement.block), statement.confirms];
      default:
        return votedFields(statement);
    }
  };
  const domain = new TextEncoder().encode(`klatch/${wireKindOf(statement)}/1`);
  return concat([domain, encodeCanonical([...head, ...fields()])]);
}

/** A list of these fields; null where they do not fit together or `size` is not their roster's. */
export function decodeList(fields: Fields<"list">, size: number): List | null {
  const [run, height, parent, bitmap, payloads] = fields;
  const held = heldAt(decodeBitmap(bitmap, size), payloads);
  return held && { kind: "list", run, height, parent, held };
}

/** A ballot of these fields; null where they do not fit together or `size` is not their roster's. */
export function decodeBallot(fields: Fields<"ballot">, size: number): Ballot | null {
  const [run, height, parent, opinions, payloads] = fields;
  const places = [...opinions.keys()].filter((place) => opinions[place] !== "absent");
  const held = opinions.length === size ? heldAt(places, payloads) : null;
  return held && { kind: "ballot", run, height, parent, opinions, held };
}

/** A proposal of these fields without its block, which the door reads; null where they do not fit together. */
export function decodeProposal(fields: Fields<"proposal">): Proposal | null {
  const [run, height, parent, view, block, body, confirms] = fields;
  const isWhole = (confirms === null) === (body !== null);
  if (!isWhole || (confirms !== null && confirms >= view)) return null;
  return { kind: "proposal", run, height, parent, view, block, body: null, confirms };
}

/** A vote of these fields; null where they do not fit together. */
export function decodeVote(fields: Fields<"vote">): Vote | null {
  const [run, height, parent, view, kind, block] = fields;
  return (kind === "nullify") === (block === null)
    ? { kind, run, height, parent, view, block }
    : null;
}

/** View, kind and block of a vote: what a certificate says as well. */
export function votedFields({ kind, view, block }: Omit<Vote, keyof HeightName>) {
  return [view, VOTE_KINDS.indexOf(kind), block === null ? null : digestToBytes(block)];
}

// --- internal ---

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

const placesOf = (held: readonly HeldPayload[]) => held.map(({ place }) => place);
const payloadsOf = (held: readonly HeldPayload[]) =>
  concat(held.map(({ payload }) => digestToBytes(payload)));
const heldBytes = ({ held }: List | Ballot) => digestToBytes(heldDigest(held));

import { concat } from "uint8arrays";
import { z } from "zod";
import type { Digest, PeerId } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { peerIdOf } from "../keys/identity.ts";
import { bytesToDigest, DIGEST_BYTES, digestOf, digestToBytes } from "../payloads/digest.ts";
import { encodeParts, MAX_BLOCK_BYTES, MAX_BLOCK_ITEMS, ofOneSize } from "./block.ts";
import { WIRE_VERSION } from "./certificate.ts";
import {
  bitmapField,
  bytesOf,
  bytesUpTo,
  count,
  decodeBitmap,
  encodeBitmap,
  MAX_ENVELOPE_ITEMS,
  MAX_HEIGHT,
  MAX_MEMBERS,
  signatureField,
  viewField,
} from "./fields.ts";
import type { BlockBallot, HeightName } from "./messages.ts";
import { WIRE_KINDS } from "./statement.ts";

/** What this node knows of a height, and what comes in short leaves out. */
export interface KnownParts {
  /** Digest of the payload that the member of a place announced first. */
  readonly announced: (place: number) => Digest | undefined;
  readonly ballot: (place: number) => Omit<BlockBallot, "place"> | undefined;
}

export const NOTHING_KNOWN: KnownParts = { announced: () => undefined, ballot: () => undefined };

/** Kinds that travel in short too, by their numbers there. */
const KINDS = { 5: "list", 6: "ballot", 7: "proposal" } as const;
type ShortKind = (typeof KINDS)[keyof typeof KINDS];
/** Fields of a statement that are signed: those of the height, and two or three of its kind. */
const SIGNED_FIELDS = { list: 5, ballot: 5, proposal: 6 } as const;

/** A list, ballot or proposal in short: what its author signed, and of a proposal what no ballot says. */
export interface Short extends HeightName {
  readonly kind: ShortKind;
  readonly author: PeerId;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** The message as it would be in full, of a roster of `size`; "unknown" where this node lacks a part of it. */
  readonly inFull: (known: KnownParts, size: number) => Uint8Array | "unknown" | "malformed";
}

/**
 * A message as it goes to those who hold what it is about: lists and ballots without the digests that members announced,
 * a fresh proposal without the ballots of its block. What cannot be shortened stays as it is. Takes any bytes.
 */
export function inShort(bytes: Uint8Array): Uint8Array {
  const kind = kindOf(bytes, WIRE_KINDS);
  const envelope = decodeCanonical(bytes, MAX_ENVELOPE_ITEMS);
  const parsed = fullSchema.safeParse(envelope);
  if (kind === null || !parsed.success) return bytes;
  const [version, , author, fields, signature] = parsed.data;
  const short = shortFields(kind, fields);
  if (short === null) return bytes;
  const number = Object.values(KINDS).indexOf(kind as ShortKind) + 5;
  return encodeCanonical([version, number, author, short, signature]);
}

/** Whether bytes claim to be a message in short. */
export function isShort(bytes: Uint8Array): boolean {
  return bytes[0] === ARRAY_OF_FIVE && (bytes[2] ?? 0) in KINDS;
}

/** Reads a message in short; null when it is malformed. Checks no signature; never throws. */
export function readShort(bytes: Uint8Array): Short | null {
  const kind = KINDS[bytes[2] as keyof typeof KINDS];
  const value = decodeCanonical(bytes, MAX_ENVELOPE_ITEMS);
  const parsed = schemas[kind].safeParse(value);
  if (!parsed.success) return null;
  const [, , author, fields, signature] = parsed.data;
  const [run, height, parent] = fields;
  const domain = new TextEncoder().encode(`klatch/${kind}/1`);
  const signed = encodeCanonical(fields.slice(0, SIGNED_FIELDS[kind]));
  const envelope = value as readonly unknown[];
  const seal = (whole: readonly unknown[]) =>
    encodeCanonical([WIRE_VERSION, WIRE_KINDS.indexOf(kind), envelope[2], whole, signature]);
  return {
    ...{ kind, author, run: bytesToDigest(run), height, parent: bytesToDigest(parent), signature },
    signed: concat([domain, signed]),
    inFull: (known, size) => {
      const whole = fullFields(kind, fields, known, size);
      return typeof whole === "string" ? whole : seal(whole);
    },
  };
}

// --- internal ---

const ARRAY_OF_FIVE = 0x85;
const BLOCK_PAYLOADS = 5;
const BLOCK_BALLOTS = 6;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const anyBytes = z.custom<Uint8Array>(isBytes);
const digestBytes = bytesOf(DIGEST_BYTES);
const heightBytes = [digestBytes, count(MAX_HEIGHT), digestBytes] as const;
const fullSchema = z.tuple([
  z.literal(WIRE_VERSION),
  z.int(),
  anyBytes,
  z.array(z.unknown()),
  anyBytes,
]);

const shortSchema = <F extends z.ZodType>(kind: ShortKind, fields: F) =>
  z.tuple([
    z.literal(WIRE_VERSION),
    z.literal(Object.values(KINDS).indexOf(kind) + 5),
    bytesOf(32).transform(peerIdOf),
    fields,
    signatureField,
  ]);
/** Run, height, parent; whom it holds, or the opinions; SHA-256 of the digests that it leaves out. */
const listFields = z.tuple([...heightBytes, bitmapField, digestBytes]);
const ballotFields = z.tuple([...heightBytes, bytesUpTo(MAX_MEMBERS), digestBytes]);
/** Run, height, parent, view, block, null; the block with the size of its payloads and whose ballots it has. */
const proposalFields = z.tuple([
  ...heightBytes,
  viewField,
  digestBytes,
  z.null(),
  bytesUpTo(MAX_BLOCK_BYTES),
]);
type ListFields = z.output<typeof listFields>;
type ProposalFields = z.output<typeof proposalFields>;
const schemas = {
  list: shortSchema("list", listFields),
  ballot: shortSchema("ballot", ballotFields),
  proposal: shortSchema("proposal", proposalFields),
} as const;

function kindOf<K>(bytes: Uint8Array, kinds: readonly K[]): K | null {
  return bytes[0] === ARRAY_OF_FIVE ? (kinds[bytes[2] ?? kinds.length] ?? null) : null;
}

function shortFields(kind: string, fields: readonly unknown[]): readonly unknown[] | null {
  if (kind === "list" || kind === "ballot") {
    const payloads = fields[4];
    return isBytes(payloads) ? fields.with(4, digestToBytes(digestOf(payloads))) : null;
  }
  const [run, height, parent, view, block, body, confirms] = fields;
  const abridged = kind === "proposal" && isBytes(body) ? abridge(body) : null;
  return abridged && [run, height, parent, view, block, confirms, abridged];
}

/** A block with one size in place of its payloads, and a bitmap in place of its ballots; null where sizes differ. */
function abridge(body: Uint8Array): Uint8Array | null {
  const block = decodeCanonical(body, MAX_BLOCK_ITEMS) as readonly unknown[];
  const payloads = block[BLOCK_PAYLOADS] as readonly (readonly unknown[])[];
  const ballots = block[BLOCK_BALLOTS] as readonly (readonly [number, Uint8Array])[];
  const bytes = payloads[0]?.[2] ?? 0;
  if (payloads.some((each) => each[2] !== bytes)) return null;
  const places = ballots.map(([place]) => place);
  const bitmap = encodeBitmap(places, ballots[0]?.[1].byteLength ?? 0);
  return encodeCanonical(block.with(BLOCK_PAYLOADS, bytes).with(BLOCK_BALLOTS, bitmap));
}

type FullFields = readonly unknown[] | "unknown" | "malformed";

function fullFields(
  kind: ShortKind,
  fields: readonly unknown[],
  known: KnownParts,
  size: number,
): FullFields {
  if (kind === "proposal") return fullProposal(fields as ProposalFields, known, size);
  const [run, height, parent, about, digest] = fields as ListFields;
  const places = kind === "list" ? decodeBitmap(about, size) : placesOf(about, size);
  if (places === null) return "malformed";
  const announced = places.map(known.announced);
  if (!announced.every((each) => each !== undefined)) return "unknown";
  const payloads = concat(announced.map(digestToBytes));
  const isSame = digestOf(payloads) === bytesToDigest(digest);
  return isSame ? [run, height, parent, about, payloads] : "unknown";
}

/** Whose payloads opinions are about. */
function placesOf(opinions: Uint8Array, size: number): readonly number[] | null {
  if (opinions.byteLength !== size) return null;
  return [...opinions.keys()].filter((place) => opinions[place] !== 0);
}

function fullProposal(
  [run, height, parent, view, block, confirms, abridged]: ProposalFields,
  known: KnownParts,
  size: number,
): FullFields {
  const short = decodeCanonical(abridged, MAX_BLOCK_ITEMS);
  if (!Array.isArray(short)) return "malformed";
  const [bytes, bitmap] = [short[BLOCK_PAYLOADS], short[BLOCK_BALLOTS]] as unknown[];
  const places = isBytes(bitmap) ? decodeBitmap(bitmap, size) : null;
  if (places === null || !Number.isSafeInteger(bytes)) return "malformed";
  const ballots = places.flatMap((place) => {
    const ballot = known.ballot(place);
    return ballot === undefined ? [] : [{ place, ...ballot }];
  });
  if (ballots.length < places.length) return "unknown";
  const parts = encodeParts(ofOneSize(ballots, bytes as number), ballots);
  const body = encodeCanonical(
    short.with(BLOCK_PAYLOADS, parts.payloads).with(BLOCK_BALLOTS, parts.ballots),
  );
  const isSame = digestOf(body) === bytesToDigest(block);
  return isSame ? [run, height, parent, view, block, body, confirms] : "unknown";
}

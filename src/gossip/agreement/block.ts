import { z } from "zod";
import type { Digest } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { digestOf, digestToBytes } from "../payloads/digest.ts";
import { decisionField, decodeDecision, encodeDecision } from "./decision.ts";
import { contradictionField, decodeContradictions, encodeContradiction } from "./evidence.ts";
import {
  areRising,
  bitmapField,
  bytesOf,
  count,
  decodeBitmap,
  digestField,
  encodeBitmap,
  encodeHeight,
  encodeOpinions,
  heightFields,
  MAX_MEMBERS,
  opinionsField,
  outOfBounds,
  signatureField,
} from "./fields.ts";
import type { Block, BlockBallot, BlockPayload, HeldPayload, Opinion } from "./messages.ts";
import { decodeRosterChanges, encodeRosterChange, rosterChangeField } from "./roster-change.ts";

/** Largest block, as bytes. */
export const MAX_BLOCK_BYTES = 1024 * 1024;
/** A payload is four values and 37 bytes or more: what fits into a block stays below this. */
export const MAX_BLOCK_ITEMS = 2 ** 17;
/** Form of blocks; the first one had no evidence. */
const VERSION = 2;

const place = count(MAX_MEMBERS - 1);
/** More in a block is refused before it is unpacked. */
const MAX_CHANGES = Math.ceil(MAX_MEMBERS / 3);

/** Version, run, height, parent, roster, payloads, ballots, cut, norm, checkpoint, evidence, roster changes, decision. */
const schema = z.tuple([
  z.literal(VERSION),
  ...heightFields,
  digestField,
  z.array(z.tuple([place, digestField, count(2 ** 40)])),
  z.array(z.tuple([place, opinionsField(), z.array(count(2 ** 20)), signatureField])).min(1),
  bitmapField,
  bytesOf(8).transform(decodeFloat),
  digestField,
  z.array(contradictionField).max(MAX_MEMBERS),
  z.array(rosterChangeField).max(MAX_CHANGES),
  decisionField,
]);

/**
 * Canonical CBOR of a block.
 *
 * @throws KlatchError `data` when no peer would take it.
 */
export function encodeBlock(block: Block): Uint8Array {
  const size = block.ballots[0]?.opinions.length ?? 0;
  const { payloads, ballots } = encodeParts(block.payloads, block.ballots);
  const bytes = encodeCanonical([
    VERSION,
    ...encodeHeight(block),
    digestToBytes(block.roster),
    payloads,
    ballots,
    encodeBitmap(block.cut, size),
    encodeFloat(block.norm),
    digestToBytes(block.checkpoint),
    block.evidence.map((each) => encodeContradiction(each, size)),
    block.rosterChanges.map((each) => encodeRosterChange(each, size)),
    encodeDecision(block.decision, size),
  ]);
  if (decodeBlock(bytes) === null) throw outOfBounds(`The block of round ${block.height + 1}`);
  return bytes;
}

/** Payloads and ballots of a block as they stand in it. */
export function encodeParts(payloads: readonly BlockPayload[], ballots: readonly BlockBallot[]) {
  const byPlace = indicesByPlace(payloads);
  return {
    payloads: payloads.map((each) => [each.place, digestToBytes(each.payload), each.bytes]),
    ballots: ballots.map((ballot) => [
      ballot.place,
      encodeOpinions(ballot.opinions),
      whichOf(ballot.held, payloads, byPlace),
      ballot.signature,
    ]),
  };
}

/** The payloads that ballots hold, as a block lists them, each of so many bytes. */
export function ofOneSize(
  ballots: readonly Pick<BlockBallot, "held">[],
  bytes: number,
): readonly BlockPayload[] {
  const named = new Map<string, HeldPayload>();
  for (const { held } of ballots) {
    for (const each of held) named.set(`${each.place} ${each.payload}`, each);
  }
  return [...named.values()]
    .sort((a, b) => a.place - b.place || (a.payload < b.payload ? -1 : 1))
    .map(({ place: author, payload }) => ({ place: author, payload, bytes }));
}

/** Why bytes of a block cannot be read, where it is of another form than this one; null where that is not why. */
export function formTrouble(bytes: Uint8Array): string | null {
  const value = bytes.byteLength > MAX_BLOCK_BYTES ? null : decodeCanonical(bytes, MAX_BLOCK_ITEMS);
  const form: unknown = Array.isArray(value) ? value[0] : VERSION;
  if (form === VERSION) return null;
  return `the block is of form ${String(form)}, and this klatch reads form ${VERSION}: another version of klatch wrote it`;
}

/** SHA-256 of the block's bytes. */
export function blockDigest(block: Block): Digest {
  return digestOf(encodeBlock(block));
}

/**
 * Reads a block; null when it is malformed or exceeds a limit. Who the members are is not looked at: all its ballots
 * are of one roster's size. Never throws.
 */
export function decodeBlock(bytes: Uint8Array): Block | null {
  if (bytes.byteLength > MAX_BLOCK_BYTES) return null;
  const parsed = schema.safeParse(decodeCanonical(bytes, MAX_BLOCK_ITEMS));
  if (!parsed.success) return null;
  const [, run, height, parent, roster, table, slips, bitmap, norm, checkpoint, ...rest] =
    parsed.data;
  const [pairs, changes, decided] = rest;
  const size = slips[0]?.[1].length ?? 0;
  const payloads = table.map(([at, payload, length]) => ({ place: at, payload, bytes: length }));
  const ballots = ballotsOf(slips, payloads, size);
  const cut = decodeBitmap(bitmap, size);
  const evidence = decodeContradictions(pairs, size);
  const rosterChanges = decodeRosterChanges(changes, { run, roster }, size);
  const decision = decodeDecision(decided, { run, roster }, size);
  const places = slips.map(([at]) => at);
  if (!(areSorted(payloads) && areRising(places, size)) || ballots === null) return null;
  if (cut === null || norm === null || evidence === null || rosterChanges === null) return null;
  if (decision === undefined) return null;
  const named = { run, height, parent, roster };
  return { ...named, payloads, ballots, cut, norm, checkpoint, evidence, rosterChanges, decision };
}

// --- internal ---

type Slip = readonly [number, readonly Opinion[], readonly number[], Uint8Array];

/** The ballots with what they hold; null when one is of another size or unclear, or a payload is held by none. */
function ballotsOf(
  slips: readonly Slip[],
  payloads: readonly BlockPayload[],
  size: number,
): readonly BlockBallot[] | null {
  const byPlace = indicesByPlace(payloads);
  const used = new Set<number>();
  const ballots: BlockBallot[] = [];
  for (const [place, opinions, which, signature] of slips) {
    const indices = opinions.length === size ? indicesOf(opinions, which, byPlace) : null;
    if (indices === null) return null;
    for (const index of indices) used.add(index);
    const held = indices.map((index) => payloads[index] as BlockPayload);
    ballots.push({
      place,
      opinions,
      held: held.map((each) => ({ place: each.place, payload: each.payload })),
      signature,
    });
  }
  return used.size === payloads.length ? ballots : null;
}

/**
 * Where the payloads that a ballot holds are in the table: of an author that has one there, at that; of several, where
 * the ballot says. Null when it says too little, too much or something else.
 */
function indicesOf(
  opinions: readonly Opinion[],
  which: readonly number[],
  byPlace: ReadonlyMap<number, readonly number[]>,
): readonly number[] | null {
  const words = which.values();
  const indices: number[] = [];
  for (const [place, opinion] of opinions.entries()) {
    if (opinion === "absent") continue;
    const choices = byPlace.get(place) ?? [];
    const index = choices.length > 1 ? words.next().value : choices[0];
    if (index === undefined || !choices.includes(index)) return null;
    indices.push(index);
  }
  return words.next().done === true ? indices : null;
}

/** Of each author that has several payloads in the table, the index of the one that is held. */
function whichOf(
  held: readonly HeldPayload[],
  payloads: readonly BlockPayload[],
  byPlace: ReadonlyMap<number, readonly number[]>,
): readonly number[] {
  return held.flatMap(({ place: author, payload }) => {
    const choices = byPlace.get(author) ?? [];
    const index = choices.find((choice) => payloads[choice]?.payload === payload);
    if (index === undefined)
      throw outOfBounds("A ballot of a block, which holds what is not in it,");
    return choices.length > 1 ? [index] : [];
  });
}

/** The indices of each author's payloads in the table. */
function indicesByPlace(payloads: readonly BlockPayload[]): ReadonlyMap<number, readonly number[]> {
  return Map.groupBy(payloads.keys(), (index) => payloads[index]?.place ?? -1);
}

function areSorted(payloads: readonly BlockPayload[]): boolean {
  return payloads.every((each, index) => {
    const last = payloads[index - 1];
    if (last === undefined || last.place < each.place) return true;
    return last.place === each.place && last.payload < each.payload;
  });
}

function encodeFloat(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

/** A finite number that is not negative, zero with its one sign; else null. */
function decodeFloat(bytes: Uint8Array): number | null {
  const value = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
  return Number.isFinite(value) && value >= 0 && !Object.is(value, -0) ? value : null;
}

import { fromString, toString as textOf } from "uint8arrays";
import { z } from "zod";
import type { Digest } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { MAX_ADDRESS_LENGTH } from "../connections/address.ts";
import { MAX_SEALED_BYTES } from "./sealed-run.ts";

/** Largest question: four addresses of the greatest length fit in. */
export const MAX_REQUEST_BYTES = 2048;
/** Largest answer: a sealed run. */
export const MAX_ANSWER_BYTES = MAX_SEALED_BYTES + 64;
/** Largest run section that is offered. */
export const MAX_OFFER_BYTES = 64 * 1024;
/** Addresses that a member tells of itself. */
export const MAX_TOLD_ADDRESSES = 4;

/** Why somebody is not admitted; closed. */
export const ADMISSION_REFUSALS = ["other-run", "unknown", "used", "full", "expired"] as const;
export type AdmissionRefusal = (typeof ADMISSION_REFUSALS)[number];

/** What a peer says that wants to be admitted to a run. */
export interface AdmissionRequest {
  /** Digest of the offer that it has a ticket for. */
  readonly run: Digest;
  /** Which right it claims, 8 bytes. */
  readonly right: Uint8Array;
  /** That it knows the secret of this right, 32 bytes. */
  readonly proof: Uint8Array;
  /** Where it will be. */
  readonly addresses: readonly string[];
}

/** What it is told: it has a seat and others are open, who all are, or why it is none of them. */
export type AdmissionAnswer =
  | { readonly kind: "waits"; readonly offer: Uint8Array; readonly taken: number }
  | { readonly kind: "sealed"; readonly sealed: Uint8Array }
  | { readonly kind: "refused"; readonly reason: AdmissionRefusal };

/** Canonical CBOR of a question. */
export function encodeRequest({ run, right, proof, addresses }: AdmissionRequest): Uint8Array {
  const told = addresses.slice(0, MAX_TOLD_ADDRESSES);
  return encodeCanonical([VERSION, fromString(run, "hex"), right, proof, told]);
}

/** Reads a question; null when it is malformed or exceeds a limit. Never throws. */
export function decodeRequest(bytes: Uint8Array): AdmissionRequest | null {
  if (bytes.byteLength > MAX_REQUEST_BYTES) return null;
  const { data } = requestSchema.safeParse(decodeCanonical(bytes, 16));
  if (data === undefined) return null;
  const [, run, right, proof, addresses] = data;
  return { run: textOf(run, "hex"), right, proof, addresses };
}

/** Canonical CBOR of an answer. */
export function encodeAnswer(answer: AdmissionAnswer): Uint8Array {
  switch (answer.kind) {
    case "waits":
      return encodeCanonical([VERSION, answer.kind, answer.offer, answer.taken]);
    case "sealed":
      return encodeCanonical([VERSION, answer.kind, answer.sealed]);
    case "refused":
      return encodeCanonical([VERSION, answer.kind, answer.reason]);
  }
}

/** Reads an answer; null when it is malformed or exceeds a limit. Never throws. */
export function decodeAnswer(bytes: Uint8Array): AdmissionAnswer | null {
  if (bytes.byteLength > MAX_ANSWER_BYTES) return null;
  return answerSchema.safeParse(decodeCanonical(bytes, 16)).data ?? null;
}

// --- internal ---

const VERSION = 1;

const bytesOf = (least: number, most: number) =>
  z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.byteLength >= least && value.byteLength <= most,
  );

const requestSchema = z.tuple([
  z.literal(VERSION),
  bytesOf(32, 32),
  bytesOf(8, 8),
  bytesOf(32, 32),
  // texts, which may be addresses: one of a later version must not cost the others
  z.array(z.string().max(MAX_ADDRESS_LENGTH)).max(MAX_TOLD_ADDRESSES),
]);

const answerSchema = z.union([
  z
    .tuple([z.literal(VERSION), z.literal("waits"), bytesOf(1, MAX_OFFER_BYTES), z.int().min(1)])
    .transform(([, kind, offer, taken]) => ({ kind, offer, taken })),
  z
    .tuple([z.literal(VERSION), z.literal("sealed"), bytesOf(1, MAX_SEALED_BYTES)])
    .transform(([, kind, sealed]) => ({ kind, sealed })),
  z
    .tuple([z.literal(VERSION), z.literal("refused"), z.enum(ADMISSION_REFUSALS)])
    .transform(([, kind, reason]) => ({ kind, reason })),
]);

import { z } from "zod";
import type { Digest } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { digestOf, digestToBytes } from "../payloads/digest.ts";
import { decodeBlock, MAX_BLOCK_BYTES } from "./block.ts";
import { decodeCertificate } from "./certificate.ts";
import { bytesUpTo, count, digestField } from "./fields.ts";
import type { Block, Certificate } from "./messages.ts";

/** Entries asked for at a time. */
export const MAX_PAGE_ENTRIES = 256;
const MAX_CERTIFICATE_BYTES = 66 * 1024;
/** A page has as much, or one entry that is larger. */
const PAGE_BYTES = 1024 * 1024;
export const MAX_PAGE_BYTES = MAX_BLOCK_BYTES + MAX_CERTIFICATE_BYTES + 1024;
export const MAX_REQUEST_BYTES = 64;
const VERSION = 1;

/** A final block with the certificate that makes it so, as bytes. */
export interface ChainBytes {
  readonly block: Uint8Array;
  readonly certificate: Uint8Array;
}

/** An entry that was read: it fits together, its signatures are not checked. */
export interface ChainEntry {
  readonly block: Block;
  /** Digest of the block. */
  readonly digest: Digest;
  readonly certificate: Certificate;
  readonly bytes: ChainBytes;
}

export interface PageRequest {
  readonly run: Digest;
  readonly from: number;
  readonly most: number;
}

const requestSchema = z.tuple([
  z.literal(VERSION),
  digestField,
  count(2 ** 31),
  z.int().min(1).max(MAX_PAGE_ENTRIES),
]);
const pageSchema = z.tuple([
  z.literal(VERSION),
  z
    .array(z.tuple([bytesUpTo(MAX_BLOCK_BYTES), bytesUpTo(MAX_CERTIFICATE_BYTES)]))
    .max(MAX_PAGE_ENTRIES),
]);

export function encodePageRequest({ run, from, most }: PageRequest): Uint8Array {
  return encodeCanonical([VERSION, digestToBytes(run), from, most]);
}

/** Reads a request; null when it is malformed. Never throws. */
export function decodePageRequest(bytes: Uint8Array): PageRequest | null {
  const parsed = requestSchema.safeParse(decodeCanonical(bytes, 8));
  if (!parsed.success) return null;
  const [, run, from, most] = parsed.data;
  return { run, from, most };
}

/** A page of the first entries, as many as fit, the first one in any case. */
export function encodePage(entries: readonly ChainBytes[]): Uint8Array {
  let total = 0;
  const fitting = entries.slice(0, MAX_PAGE_ENTRIES).filter(({ block, certificate }, index) => {
    total += block.byteLength + certificate.byteLength + 16;
    return index === 0 || total <= PAGE_BYTES;
  });
  return encodeCanonical([VERSION, fitting.map(({ block, certificate }) => [block, certificate])]);
}

/**
 * Reads the answer to a request: blocks of consecutive heights from the one asked for, each the parent of the next,
 * with certificates that call them final. Null when it is anything else. Never throws.
 */
export function decodePage(
  bytes: Uint8Array,
  { run, from, most }: PageRequest,
): readonly ChainEntry[] | null {
  const parsed = pageSchema.safeParse(decodeCanonical(bytes, 3 + 3 * MAX_PAGE_ENTRIES));
  if (!parsed.success || parsed.data[1].length > most) return null;
  const entries: ChainEntry[] = [];
  for (const [block, certificate] of parsed.data[1]) {
    // copies: the page is not kept alive with one of its entries
    const own = { block: Uint8Array.from(block), certificate: Uint8Array.from(certificate) };
    const entry = decodeEntry(own);
    const parent = entries.at(-1)?.digest ?? entry?.block.parent;
    const isNext =
      entry?.block.run === run &&
      entry.block.height === from + entries.length &&
      entry.block.parent === parent;
    if (entry === null || !isNext) return null;
    entries.push(entry);
  }
  return entries;
}

/** Reads a block and its certificate; null where they are malformed or not of one another. Never throws. */
export function decodeEntry(bytes: ChainBytes): ChainEntry | null {
  const block = decodeBlock(bytes.block);
  const size = block?.ballots[0]?.opinions.length ?? 0;
  const certificate = decodeCertificate(bytes.certificate, size);
  if (block === null || certificate === null) return null;
  const digest = digestOf(bytes.block);
  const isOfBlock =
    certificate.vote === "finalize" &&
    certificate.block === digest &&
    certificate.run === block.run &&
    certificate.height === block.height &&
    certificate.parent === block.parent;
  return isOfBlock ? { block, digest, certificate, bytes } : null;
}

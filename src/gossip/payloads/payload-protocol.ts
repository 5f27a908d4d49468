import type { Digest } from "../../types.ts";
import { bytesToDigest, DIGEST_BYTES, digestToBytes } from "./digest.ts";

/**
 * Payload transfer. The side that wants bytes opens a stream and sends requests of fixed size, one at a time. Each is
 * answered by a header of fixed size and, when its status is `data`, by that many bytes. The next request
 * acknowledges the last answer, so that never more than one chunk is under way: libp2p streams have no back-pressure
 * for readers.
 */
export const PAYLOAD_PROTOCOL = "/klatch/payload/1";
/** The same for files that a node gives to whom it knows, such as a model: its transfers take nothing from payloads. */
export const FILE_PROTOCOL = "/klatch/file/1";

/** Largest chunk of one answer. */
export const MAX_CHUNK_BYTES = 1024 * 1024;
/** Digest, offset as unsigned 64 bit, length as unsigned 32 bit, both big-endian. */
export const REQUEST_BYTES = DIGEST_BYTES + 8 + 4;
/** Status as unsigned 8 bit, length of the data as unsigned 32 bit, big-endian. */
export const HEADER_BYTES = 1 + 4;

const MAX_OFFSET = 2 ** 40;

export interface ChunkRequest {
  readonly payload: Digest;
  readonly offset: number;
  readonly length: number;
}

/**
 * `wait`: held back until its commit deadline, or not here yet; another header follows. `missing`: not here.
 * `busy`: too many transfers, come again. `range`: the payload is shorter than that.
 */
export const STATUSES = ["data", "wait", "missing", "busy", "range"] as const;
export type Status = (typeof STATUSES)[number];

export interface ChunkHeader {
  readonly status: Status;
  readonly length: number;
}

/** Request for a chunk as {@link REQUEST_BYTES} bytes. */
export function encodeRequest({ payload, offset, length }: ChunkRequest): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  bytes.set(digestToBytes(payload));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(DIGEST_BYTES, BigInt(offset));
  view.setUint32(DIGEST_BYTES + 8, length);
  return bytes;
}

/** Reads a request; null when its length or its numbers are out of bounds. */
export function decodeRequest(bytes: Uint8Array): ChunkRequest | null {
  if (bytes.byteLength !== REQUEST_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = Number(view.getBigUint64(DIGEST_BYTES));
  const length = view.getUint32(DIGEST_BYTES + 8);
  if (offset > MAX_OFFSET || length < 1 || length > MAX_CHUNK_BYTES) return null;
  return { payload: bytesToDigest(bytes.subarray(0, DIGEST_BYTES)), offset, length };
}

/** Header of an answer as {@link HEADER_BYTES} bytes. */
export function encodeHeader({ status, length }: ChunkHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes[0] = STATUSES.indexOf(status);
  new DataView(bytes.buffer).setUint32(1, length);
  return bytes;
}

/** Reads a header; null when the status is unknown, or its length is not possible for it. */
export function decodeHeader(bytes: Uint8Array): ChunkHeader | null {
  if (bytes.byteLength !== HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const status = STATUSES[view.getUint8(0)];
  const length = view.getUint32(1);
  if (status === undefined) return null;
  const possible = status === "data" ? length >= 1 && length <= MAX_CHUNK_BYTES : length === 0;
  return possible ? { status, length } : null;
}

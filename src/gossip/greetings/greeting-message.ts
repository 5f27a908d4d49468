import { z } from "zod";
import type { Timestamp } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";

/** Largest greeting: a thousand members by name fit in. */
export const MAX_GREETING_BYTES = 128 * 1024;
/** What an author may say in one. */
export const MAX_BODY_BYTES = MAX_GREETING_BYTES - 64;
const VERSION = 1;

/** What a peer says of itself to each whom it meets. */
export interface GreetingMessage {
  /** The sender's clock. */
  readonly sentAt: Timestamp;
  /** Whether the sender stops now. */
  readonly leaves: boolean;
  /** What its owner says; the network does not look into it. */
  readonly body: Uint8Array;
}

const isBody = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && value.byteLength <= MAX_BODY_BYTES;

const schema = z.tuple([
  z.literal(VERSION),
  z.int().min(0),
  z.boolean(),
  z.custom<Uint8Array>(isBody),
]);

/** Canonical CBOR of a greeting. */
export function encodeGreeting({ sentAt, leaves, body }: GreetingMessage): Uint8Array {
  return encodeCanonical([VERSION, Math.max(0, Math.round(sentAt)), leaves, body]);
}

/** Reads a greeting; null when it is malformed or exceeds a limit. Never throws. */
export function decodeGreeting(bytes: Uint8Array): GreetingMessage | null {
  if (bytes.byteLength > MAX_GREETING_BYTES) return null;
  const parsed = schema.safeParse(decodeCanonical(bytes));
  if (!parsed.success) return null;
  const [, sentAt, leaves, body] = parsed.data;
  return { sentAt, leaves, body };
}

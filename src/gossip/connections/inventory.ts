import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { digestOf, digestToBytes } from "../payloads/digest.ts";

/** Names are of one exchange alone, so that nobody can make two messages that others take for one. */
const SALT_BYTES = 8;
/** Of the name of a message. */
export const NAME_BYTES = 8;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

/** The salt of an exchange, which its opener chooses. */
export const saltField = z.custom<Uint8Array>((v) => isBytes(v) && v.byteLength === SALT_BYTES);

/** The names of at most so many messages, one after the other. */
export function namesField(most: number) {
  return z
    .custom<Uint8Array>(
      (v) => isBytes(v) && v.byteLength % NAME_BYTES === 0 && v.byteLength <= most * NAME_BYTES,
    )
    .transform(namesIn);
}

export function freshSalt(): Uint8Array {
  return Uint8Array.from(randomBytes(SALT_BYTES));
}

/** Messages by their names in an exchange: what one side lacks is what the other has under no name of it. */
export function named(
  messages: readonly Uint8Array[],
  salt: Uint8Array,
): ReadonlyMap<string, Uint8Array> {
  return new Map(messages.map((message) => [nameOf(message, salt), message]));
}

/** Names as they travel. */
export function namesOf(held: ReadonlyMap<string, unknown>): Uint8Array {
  return Uint8Array.from(Buffer.from([...held.keys()].join(""), "hex"));
}

/** What the other side has no name of. */
export function lackedBy(
  theirs: ReadonlySet<string>,
  held: ReadonlyMap<string, Uint8Array>,
): readonly Uint8Array[] {
  return [...held].flatMap(([name, message]) => (theirs.has(name) ? [] : [message]));
}

// --- internal ---

/** The first bytes, in hexadecimal, of SHA-256 over the salt and the SHA-256 of the message. */
function nameOf(message: Uint8Array, salt: Uint8Array): string {
  const hash = createHash("sha256")
    .update(salt)
    .update(digestToBytes(digestOf(message)));
  return hash.digest("hex").slice(0, 2 * NAME_BYTES);
}

function namesIn(bytes: Uint8Array): ReadonlySet<string> {
  const text = Buffer.from(bytes).toString("hex");
  const count = bytes.byteLength / NAME_BYTES;
  const at = (index: number) => text.slice(2 * NAME_BYTES * index, 2 * NAME_BYTES * (index + 1));
  return new Set(Array.from({ length: count }, (_, index) => at(index)));
}

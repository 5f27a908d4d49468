import { hash } from "node:crypto";
import type { Message } from "../tokenizer/chat-template.ts";
import type { RowText } from "./row-text.ts";
import { contentText } from "./said-parts.ts";

/** Differences that make no other text: case, spaces, and how an accented letter is composed. */
function normalised(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}

/** Everything that a row says, its parts apart from one another. */
export function wordsOf(row: RowText): string {
  if (row.format === "text") return row.text;
  if (row.format === "chat") {
    return row.messages.map(messageWords).join("\u0000");
  }
  return `${row.prompt}\u0000${row.completion}`;
}

/** The words of a message, and its further fields: two calls of a tool are not the same. */
function messageWords({ role, content, ...more }: Message): string {
  const fields = Object.entries(more).filter(([, value]) => value !== null);
  const rest = fields.length > 0 ? `\u0000${JSON.stringify(fields)}` : "";
  return `${role}\u0000${contentText(content)}${rest}`;
}

/**
 * A whole number below 2^53 that is the same for texts which differ only in case and spaces. Among ten million
 * different texts the chance that any two share one is half a percent.
 */
export function textHash(text: string): number {
  return bytesHash(Buffer.from(normalised(text)));
}

/** The same of bytes that are equal. */
export function bytesHash(bytes: Uint8Array): number {
  const digest = hash("sha256", bytes, "buffer");
  return (digest.readUInt32BE(0) & 0x1fffff) * 2 ** 32 + digest.readUInt32BE(4);
}

/** How many entries are equal to an earlier one. */
export function countDuplicates(hashes: Float64Array): number {
  const sorted = hashes.toSorted();
  return sorted.reduce((count, value, i) => count + Number(i > 0 && value === sorted[i - 1]), 0);
}

/** How many entries of `hashes` also occur in `others`. */
export function countShared(hashes: Float64Array, others: Float64Array): number {
  const known = others.toSorted();
  let at = 0;
  return hashes.toSorted().reduce((count, value) => {
    while (at < known.length && (known[at] ?? 0) < value) at += 1;
    return count + Number(known[at] === value);
  }, 0);
}

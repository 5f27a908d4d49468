import { createHash } from "node:crypto";
import { parseJson } from "../../json.ts";

/** Also where a bit of the key is flipped. */
const SEALED = /^\{"[^"]*":"[0-9a-f]{64}",|^\{"sha256":/;
const SEAL_LENGTH = `{"sha256":"${"0".repeat(64)}",`.length;

/** The value as a line of JSON that begins with the digest of the rest: a bit that is flipped often leaves it JSON. */
export function sealedJson(value: Readonly<Record<string, unknown>>): string {
  const rest = JSON.stringify(value).slice(1);
  return `${sealOf(rest)}${rest}\n`;
}

/** What {@link sealedJson} wrote; undefined where it is damaged. What begins with no digest is of an earlier version. */
export function openSealed(text: string): unknown {
  if (!SEALED.test(text)) return parseJson(text);
  const rest = text.slice(SEAL_LENGTH).trimEnd();
  return text.startsWith(sealOf(rest)) ? parseJson(`{${rest}`) : undefined;
}

// --- internal ---

function sealOf(rest: string): string {
  return `{"sha256":"${createHash("sha256").update(rest).digest("hex")}",`;
}

import { createHash } from "node:crypto";
import { parseJson } from "../../json.ts";

/** The value as one line of JSON that tells its own digest: a bit that is flipped on the disk often leaves it JSON. */
export function sealedJson(value: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ ...value, digest: digestOf(value) })}\n`;
}

/** What {@link sealedJson} wrote; undefined where it is damaged. What tells no digest is of an earlier version. */
export function openSealed(text: string): unknown {
  const parsed = parseJson(text);
  if (typeof parsed !== "object" || parsed === null || !("digest" in parsed)) return parsed;
  const { digest, ...value } = parsed;
  return digest === digestOf(value) ? value : undefined;
}

// --- internal ---

function digestOf(value: object): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

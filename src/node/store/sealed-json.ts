import { createHash } from "node:crypto";
import { parseJson } from "../../json.ts";

/** The value as a line of JSON, and a line with its digest: a bit that is flipped on the disk often leaves it JSON. */
export function sealedJson(value: Readonly<Record<string, unknown>>): string {
  const line = JSON.stringify(value);
  return `${line}\n${sealOf(line)}\n`;
}

/** What {@link sealedJson} wrote; undefined where it is damaged. A line by itself is of an earlier version. */
export function openSealed(text: string): unknown {
  const [line = "", seal, ...more] = text.trimEnd().split("\n");
  if (seal === undefined) return parseJson(line);
  return more.length === 0 && seal === sealOf(line) ? parseJson(line) : undefined;
}

// --- internal ---

function sealOf(line: string): string {
  return `sha256 ${createHash("sha256").update(line).digest("hex")}`;
}

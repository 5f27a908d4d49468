import { checkItems, checkLength, refuse } from "../refusal.ts";
import { SPACE } from "../syntax/tokens.ts";

const WORD = new RegExp(`[^${SPACE}]+`, "g");
// biome-ignore lint/suspicious/noControlCharactersInRegex: some of them end lines
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** Python's `str.split` and `str.rsplit`; a negative limit is none, a separator of null is white space. */
export function splitText(
  text: string,
  separator: string | null,
  limit: number,
  fromEnd: boolean,
): readonly string[] {
  if (separator === "") refuse("a str is split at nothing");
  if (separator === null) return words(text, limit, fromEnd);
  const parts = text.split(separator);
  checkItems(parts.length);
  const extra = limit < 0 ? 0 : parts.length - 1 - limit;
  if (extra <= 0) return parts;
  if (fromEnd) return [parts.slice(0, extra + 1).join(separator), ...parts.slice(extra + 1)];
  return [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}

/** Python's `str.splitlines`. */
export function splitLines(text: string, keepsEnds = false): readonly string[] {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: end, index } of text.matchAll(LINE_END)) {
    lines.push(text.slice(start, index) + (keepsEnds ? end : ""));
    start = index + end.length;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** Python's `str.replace`; a negative limit is none. */
export function replaced(text: string, old: string, by: string, limit: number): string {
  if (limit === 0) return text;
  const parts = old === "" ? ["", ...text, ""] : text.split(old);
  const most = limit < 0 ? parts.length - 1 : Math.min(limit, parts.length - 1);
  checkLength(text.length + most * by.length);
  const rest = parts.slice(most).join(old);
  return [...parts.slice(0, most), rest].join(by);
}

/** A part of a text by its bounds, as Python's methods take them. */
export interface Window {
  readonly text: string;
  /** Place of its beginning, counted in characters. */
  readonly start: number;
}

/** Null where the bounds leave no place, not even for an empty part. */
export function windowOf(text: string, start: number | null, end: number | null): Window | null {
  const all = Array.from(text);
  const within = (place: number) => (place < 0 ? Math.max(place + all.length, 0) : place);
  const [first, last] = [within(start ?? 0), Math.min(within(end ?? all.length), all.length)];
  return first > last ? null : { text: all.slice(first, last).join(""), start: first };
}

/** Where a part stands, counted in characters; -1 where it does not. */
export function placeOf(window: Window | null, part: string, fromEnd: boolean): number {
  if (!window) return -1;
  const { text, start } = window;
  const at = fromEnd ? text.lastIndexOf(part) : text.indexOf(part);
  return at < 0 ? -1 : start + Array.from(text.slice(0, at)).length;
}

/** How often a part occurs, without overlap. */
export function countOf(window: Window | null, part: string): number {
  if (!window) return 0;
  return part === "" ? Array.from(window.text).length + 1 : window.text.split(part).length - 1;
}

/** Filled up to a width in characters. */
export function justified(
  text: string,
  width: number,
  fill: string,
  side: "left" | "right" | "center",
): string {
  if (Array.from(fill).length !== 1) refuse("a str is filled up with more than a character");
  checkLength(width);
  const missing = Math.max(width - Array.from(text).length, 0);
  if (side === "left") return text + fill.repeat(missing);
  if (side === "right") return fill.repeat(missing) + text;
  // As CPython has it: the odd one goes to the left where the width is odd.
  const left = (missing >> 1) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

/** Python's `str.expandtabs`. */
export function expanded(text: string, size: number): string {
  let [result, column] = ["", 0];
  for (const character of text) {
    if (character === "\t") {
      const spaces = size > 0 ? size - (column % size) : 0;
      checkLength(result.length + spaces);
      result += " ".repeat(spaces);
      column += spaces;
    } else {
      result += character;
      column = /[\n\r]/.test(character) ? 0 : column + 1;
    }
  }
  return result;
}

// --- internal ---

function words(text: string, limit: number, fromEnd: boolean): readonly string[] {
  const found = [...text.matchAll(WORD)];
  checkItems(found.length);
  const parts = found.map(([word]) => word);
  if (limit < 0 || found.length <= limit) return parts;
  if (fromEnd) {
    const last = found[found.length - limit - 1];
    const head = text.slice(0, last ? last.index + last[0].length : 0);
    return [head, ...parts.slice(found.length - limit)];
  }
  return [...parts.slice(0, limit), text.slice(found[limit]?.index)];
}

import { checkLength, refuse } from "../refusal.ts";
import { order } from "./comparing.ts";
import { print, printFloat, printInt } from "./printing.ts";
import { Dict, itemsOf, kindOf, Markup, type Value } from "./values.ts";

/** Settings of Python's `json.dumps`. */
export interface JsonLayout {
  readonly ensureAscii: boolean;
  /** What a level is indented with; null for one line. */
  readonly indent: string | null;
  readonly separators: readonly [item: string, key: string];
  readonly sortKeys: boolean;
}

/** Python's `json.dumps`, which is the filter `tojson` of chat templates. */
export function toJson(value: Value, layout: JsonLayout): string {
  return written(value, layout, "\n");
}

// --- internal ---

const SHORT: Readonly<Record<string, string>> = {
  ...{ '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f" },
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
const CONTROL = /["\\\x00-\x1f]/g;
const NOT_ASCII = /["\\]|[^ -~]/g;

/** `line` begins a line of the level that the value stands on. */
function written(value: Value, layout: JsonLayout, line: string): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return printInt(value);
  if (typeof value === "number") return jsonFloat(value);
  if (typeof value === "string") return quoted(value, layout);
  if (value instanceof Markup) return quoted(value.print(), layout);
  const inner = line + (layout.indent ?? "");
  const items = itemsOf(value);
  if (items) {
    const parts = items.map((item) => written(item, layout, inner));
    return enclosed("[", parts, "]", layout, line);
  }
  if (!(value instanceof Dict)) return refuse(`a ${kindOf(value)} has no JSON`);
  const entries = Array.from(value.entries());
  if (layout.sortKeys) entries.sort(([a], [b]) => byKey(a, b));
  const parts = entries.map(
    ([key, item]) =>
      quoted(jsonKey(key), layout) + layout.separators[1] + written(item, layout, inner),
  );
  return enclosed("{", parts, "}", layout, line);
}

function enclosed(
  open: string,
  parts: readonly string[],
  close: string,
  { indent, separators: [separator] }: JsonLayout,
  line: string,
): string {
  if (parts.length === 0) return open + close;
  const between = indent === null ? separator : separator + line + indent;
  checkLength(parts.reduce((sum, part) => sum + part.length + between.length, 0));
  const body = parts.join(between);
  return indent === null ? open + body + close : open + line + indent + body + line + close;
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return printFloat(value);
}

function jsonKey(key: Value): string {
  if (typeof key === "string") return key;
  if (key === null) return "null";
  if (typeof key === "boolean") return String(key);
  if (typeof key === "number") return jsonFloat(key);
  return typeof key === "bigint" ? print(key) : refuse(`a ${kindOf(key)} is a key of JSON`);
}

function byKey(a: Value, b: Value): number {
  if (typeof a === "string" && typeof b === "string") return order(a, b);
  return refuse(`keys of JSON are sorted that are no texts`);
}

function quoted(text: string, { ensureAscii }: JsonLayout): string {
  const escaped = text.replace(ensureAscii ? NOT_ASCII : CONTROL, (unit) => {
    return SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

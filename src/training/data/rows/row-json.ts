import { withColumns } from "./json-object.ts";
import { MAY_BE_REORDERED, parseInOrder, writtenNumber } from "./ordered-json.ts";
import { ROW_CHARACTERS_MAX } from "./row.ts";

/** What JavaScript's parser says without quoting the text that it reads. */
const QUOTES_NOTHING =
  /^(Unexpected end of JSON input|[A-Z][a-z]+ [\w ,:'}\]-]{1,60} JSON at position \d+( \(line \d+ column \d+\))?)$/;

/** Is in every text with a number that JavaScript writes otherwise; most rows have none, and are read faster. */
const MAY_HAVE_OTHER_NUMBER =
  /[:,[]\s*-?(?:(?<=-)0|\d+(?:\.\d+)?[eE][-+]?\d+|\d+\.\d+|\d{16,})\s*[,\]}]/;

/**
 * Parses JSON of a private row. A number that JavaScript writes otherwise than the text does is a `JsonNumber`; an
 * object whose names it would reorder is a `JsonObject`, but for the outermost.
 *
 * @param refuse makes the error to throw of what is wrong and where, told without any of the row's words
 */
export function parseRowJson(text: string, refuse: (what: string) => Error): unknown {
  try {
    if (!MAY_BE_REORDERED.test(text)) {
      return MAY_HAVE_OTHER_NUMBER.test(text) ? JSON.parse(text, asWritten) : JSON.parse(text);
    }
    // The library's parser is the one that says what is wrong.
    JSON.parse(text);
    return withColumns(parseInOrder(text));
  } catch (error) {
    throw refuse(whatIsWrong(error, text));
  }
}

// --- internal ---

/** The declarations of TypeScript do not have the text yet that a value was read from. */
function asWritten(
  this: unknown,
  _key: string,
  value: unknown,
  ...more: readonly unknown[]
): unknown {
  if (typeof value !== "number") return value;
  const { source } = more[0] as { readonly source: string };
  return writtenNumber(source);
}

function whatIsWrong(error: unknown, text: string): string {
  if (error instanceof RangeError) return "it has more levels than are read";
  const said = error instanceof Error ? error.message : "";
  if (QUOTES_NOTHING.test(said)) return said;
  const what = "a character that JSON does not have there";
  return text.length > ROW_CHARACTERS_MAX ? what : `${what}, ${placeOfStranger(text)}`;
}

/** The parser quotes what stands around a character instead of saying where it is: the first that it refuses so. */
function placeOfStranger(text: string): string {
  let [fine, refused] = [0, text.length];
  while (refused - fine > 1) {
    const middle = (fine + refused) >> 1;
    if (isQuoted(text.slice(0, middle))) refused = middle;
    else fine = middle;
  }
  const lines = text.slice(0, fine).split("\n");
  return `at position ${fine} (line ${lines.length} column ${(lines.at(-1)?.length ?? 0) + 1})`;
}

function isQuoted(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return !QUOTES_NOTHING.test((error as Error).message);
  }
}

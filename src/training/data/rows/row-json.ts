import { ROW_CHARACTERS_MAX } from "./row.ts";

/** What JavaScript's parser says without quoting the text that it reads. */
const QUOTES_NOTHING =
  /^(Unexpected end of JSON input|[A-Z][a-z]+ [\w ,:'}\]-]{1,60} JSON at position \d+( \(line \d+ column \d+\))?)$/;

/**
 * Parses JSON of a private row.
 *
 * @param refuse makes the error to throw of what is wrong and where, told without any of the row's words
 */
export function parseRowJson(text: string, refuse: (what: string) => Error): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refuse(whatIsWrong(error, text));
  }
}

// --- internal ---

function whatIsWrong(error: unknown, text: string): string {
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

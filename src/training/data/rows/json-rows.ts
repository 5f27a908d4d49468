import { KlatchError } from "../../../errors.ts";
import {
  asFields,
  BATCH_ROWS,
  badRow,
  ROW_CHARACTERS_MAX,
  type Row,
  type RowBatches,
} from "./row.ts";
import { parseRowJson } from "./row-json.ts";
import { textChunks } from "./text-stream.ts";

/** Names under which an object holds a list of rows. */
export const WRAPPERS: readonly string[] = ["data", "rows"];
/** Columns of usual layouts: an object with one of them is a row itself. */
const ROW_COLUMNS = ["text", "prompt", "completion", "messages", "conversations", "instruction"];
/** A JSON array is parsed whole. */
const ARRAY_CHARACTERS_MAX = 256 << 20;

function tooLong(file: string, line: number): KlatchError {
  return badRow(
    file,
    line,
    `the row has more than the ${ROW_CHARACTERS_MAX} characters that are read`,
  );
}

function parseLine(text: string, file: string, line: number): Row {
  if (text.length > ROW_CHARACTERS_MAX) throw tooLong(file, line);
  const value = parseRowJson(text, (what) => badRow(file, line, `not valid JSON: ${what}`));
  return { line, fields: asFields(value, file, line) };
}

/** Whole lines of a file, without what ends them. */
async function* lineBatches(chunks: AsyncIterable<string>, file: string) {
  let rest = "";
  let line = 1;
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
    line += lines.length;
    if (rest.length > ROW_CHARACTERS_MAX) throw tooLong(file, line);
  }
  yield [rest];
}

/** Rows of JSON Lines: one object a line, empty lines left out. */
export async function* jsonLineRows(file: string, chunks = textChunks(file)): RowBatches {
  let line = 0;
  for await (const lines of lineBatches(chunks, file)) {
    const rows: Row[] = [];
    for (const text of lines) {
      line += 1;
      if (text.trim() !== "") rows.push(parseLine(text, file, line));
    }
    yield rows;
  }
}

const isObject = (value: unknown) => typeof value === "object" && value !== null;

/**
 * The rows that a JSON text is: a list of them, one object as the one row, as Hugging Face's `datasets` reads it, or a
 * list of objects that stands as `data` or `rows` in an object with no other list and no text of a row.
 */
function listIn(value: unknown, file: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (isObject(value)) {
    const entries = Object.entries(value as object);
    const [list, another] = entries.filter(([, part]) => Array.isArray(part));
    const isRow = another !== undefined || entries.some(([name]) => ROW_COLUMNS.includes(name));
    if (isRow || list === undefined || !WRAPPERS.includes(list[0])) return [value];
    return list[1].every(isObject) ? list[1] : [value];
  }
  throw new KlatchError(
    "data",
    `${file} is not a list of rows: [{...}, {...}]`,
    "write one object per row, as a JSON array or as JSON Lines",
  );
}

function parseArray(text: string, file: string): readonly unknown[] {
  const refuse = (what: string) =>
    new KlatchError(
      "data",
      `${file} is not valid JSON: ${what}`,
      "correct the file, or copy it again",
    );
  return listIn(parseRowJson(text, refuse), file);
}

/** The first of several lines is a JSON object: many a `.json` file is JSON Lines. */
function isJsonLines(text: string): boolean {
  const [first = "", ...more] = text.trim().slice(0, ROW_CHARACTERS_MAX).split("\n", 2);
  if (!first.startsWith("{") || more.length === 0) return false;
  try {
    return typeof JSON.parse(first) === "object";
  } catch {
    return false;
  }
}

async function* single(text: string) {
  yield text;
}

/**
 * Rows of a `.json` file: an array of objects, an object that is the one row or holds such an array, or JSON Lines
 * under that name.
 *
 * @throws KlatchError `data` for anything else, and for an array too large to be parsed whole
 */
export async function* jsonRows(file: string): RowBatches {
  const chunks: string[] = [];
  let size = 0;
  for await (const chunk of textChunks(file)) {
    size += chunks.push(chunk) && chunk.length;
    if (size > ARRAY_CHARACTERS_MAX) {
      throw new KlatchError(
        "data",
        `${file} is a JSON text of more than ${ARRAY_CHARACTERS_MAX} characters`,
        "convert it to JSON Lines, which are read piece by piece: jq -c '.[]' in.json > out.jsonl",
      );
    }
  }
  const text = chunks.join("");
  if (isJsonLines(text)) yield* jsonLineRows(file, single(text));
  else if (text.trim() !== "") {
    const rows = parseArray(text, file).map((value, i) => ({
      line: i + 1,
      fields: asFields(value, file, i + 1),
    }));
    for (let at = 0; at < rows.length; at += BATCH_ROWS) yield rows.slice(at, at + BATCH_ROWS);
  }
}

import { JsonNumber } from "../rows/json-number.ts";
import { badRow, type Row } from "../rows/row.ts";
import { parseRowJson } from "../rows/row-json.ts";
import { columnsHint, present } from "./columns.ts";

/**
 * The text in a column, a number as it is written there. A missing value counts as empty text.
 *
 * @throws KlatchError `data` when the column is missing or holds a list, an object or bytes
 */
export function textOf(row: Row, column: string, file: string): string {
  if (!Object.hasOwn(row.fields, column)) {
    const what = `no column ${column}; ${present(row, file)}`;
    throw badRow(file, row.line, what, columnsHint(file));
  }
  const value = row.fields[column];
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  const isPlain = ["number", "boolean"].includes(typeof value) || value instanceof JsonNumber;
  if (isPlain) return String(value);
  const what = `column ${column} holds a list, an object or bytes, not text`;
  throw badRow(file, row.line, what, columnsHint(file));
}

/** A CSV cell keeps a list as JSON text; so do many tables of other kinds. */
export function fromCell(row: Row, column: string, file: string): unknown {
  const value = row.fields[column];
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  return parseRowJson(value, (what) =>
    badRow(file, row.line, `column ${column} is not JSON: ${what}`),
  );
}

/** The list or object that a text is in JSON; any other value as it is. */
export function jsonOrText(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseRowJson(value, () => new SyntaxError());
  } catch (error) {
    if (error instanceof SyntaxError) return value;
    throw error;
  }
}

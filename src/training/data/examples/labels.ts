import { JsonNumber } from "../rows/json-number.ts";
import { badRow, type Row } from "../rows/row.ts";
import { jsonOrText, textOf } from "./cells.ts";

/** How many classes an example has: exactly one, or any number of them, none included. */
export type LabelKind = "one" | "many";

/** What a row says of its classes: a name, a list of names, or a mark for each class in their order. */
export type RowLabel = string | { readonly names: readonly string[]; readonly areMarks: boolean };

const MARKS = new Set(["0", "1", "false", "true"]);

/**
 * The label of a row: text, a number, or a list of them; a text may hold the list as JSON.
 *
 * @returns null when the row has none
 * @throws KlatchError `data` when the column is missing or holds something else
 */
export function labelOf(row: Row, column: string, file: string): RowLabel | null {
  const value = row.fields[column];
  // A class whose name has brackets is no list.
  const list = jsonOrText(value);
  if (!Array.isArray(list)) return (numberIn(value) ?? textOf(row, column, file).trim()) || null;
  const names = list.map((each) => nameOf(each, () => refuse(row, column, file)));
  const areMarks = list.every((each) => typeof each !== "string") && names.every(isMark);
  return { names: areMarks ? names : [...new Set(names)], areMarks: areMarks && names.length > 0 };
}

/** Whether a mark says that its class is among them. */
export const isMarked = (mark: string): boolean => mark === "1" || mark === "true";

// --- internal ---

const isMark = (name: string) => MARKS.has(name);

/** A whole number is the same class with a point and without. */
function numberIn(value: unknown): string | null {
  if (value instanceof JsonNumber) return value.isInteger ? value.text : String(Number(value.text));
  return ["number", "bigint"].includes(typeof value) ? String(value) : null;
}

function nameOf(each: unknown, refusal: () => Error): string {
  const number = numberIn(each);
  if (number !== null) return number;
  if (typeof each === "boolean") return String(each);
  if (typeof each === "string" && each.trim() !== "") return each.trim();
  throw refusal();
}

function refuse(row: Row, column: string, file: string): Error {
  return badRow(
    file,
    row.line,
    `column ${column} holds a list of something else than names and marks`,
    "give the names of the classes, or 0 and 1 for each class in their order",
  );
}

import { KlatchError } from "../../../errors.ts";
import { withColumns } from "./json-object.ts";

export const ROW_CHARACTERS_MAX = 1 << 22;
/** Rows that a reader hands on at once. */
export const BATCH_ROWS = 1024;

export const HEADER_HINT = "the first line has to be the header";

/** One row of a data file. */
export interface Row {
  /** Line of the file where the row ends, counted from 1; in files without lines the number of the row. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Set for a piece of a document, whose text is not cut off but goes on in the next row or ends here. */
  readonly document?: "goes on" | "ends";
}

export type RowBatches = AsyncGenerator<readonly Row[], void>;

/** Rows are private, and errors are logged: `what` says nothing that stands in the row. */
export function badRow(
  file: string,
  line: number,
  what: string,
  hint = "correct or remove that row",
): KlatchError {
  return new KlatchError("data", `${file}:${line}: ${what}`, hint);
}

/** Does something with a row; an operating error says where the row is. */
export function atPlace<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    throw new KlatchError(error.code, `${place}: ${error.message}`, error.hint, { cause: error });
  }
}

/** A parsed JSON value as the fields of a row. */
export function asFields(parsed: unknown, file: string, line: number): Row["fields"] {
  const value = withColumns(parsed);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const what = "the row is not a JSON object";
    if (!Array.isArray(value)) throw badRow(file, line, what);
    throw badRow(file, line, what, "name the file .json when it is one list of all rows");
  }
  return value as Row["fields"];
}

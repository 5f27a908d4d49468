import { expandFolders } from "../rows/folders.ts";
import { badRow, type Row } from "../rows/row.ts";
import { rowBatches } from "../rows/rows.ts";
import { textOf } from "./cells.ts";
import { type ColumnMap, columnsHint } from "./columns.ts";

/** What a row asks, without its answer. */
export interface RowInput {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Columns that hold what is asked, by their own names, the first that is there. */
const ASKING = ["prompt", "text", "instruction"] as const;

/**
 * What the rows of files ask: a prompt, a text to tell the class of, an instruction without input. Answers that stand
 * beside it are not looked at.
 *
 * @throws KlatchError `data`, naming file and line, for a row that asks nothing or in another way
 */
export async function* readInputs(
  paths: readonly string[],
  columns: ColumnMap,
): AsyncGenerator<RowInput, void> {
  const { files } = await expandFolders(paths, "test");
  for (const file of files) {
    for await (const rows of rowBatches(file)) {
      for (const row of rows) yield { file, line: row.line, text: inputOf(row, columns, file) };
    }
  }
}

// --- internal ---

function inputOf(row: Row, columns: ColumnMap, file: string): string {
  const named = ASKING.map((name) => columns[name] ?? name);
  const given = ASKING.find((name) => columns[name] !== undefined);
  const column =
    given === undefined
      ? named.find((name) => Object.hasOwn(row.fields, name))
      : (columns[given] ?? given);
  if (column === undefined) {
    const what = "no column prompt, text or instruction: there is nothing to answer";
    throw badRow(file, row.line, what, columnsHint(file));
  }
  const { input = "input", instruction = "instruction" } = columns;
  if (
    column === instruction &&
    Object.hasOwn(row.fields, input) &&
    textOf(row, input, file) !== ""
  ) {
    const what = "an instruction with an input is not laid out here";
    throw badRow(file, row.line, what, "write both into a column prompt");
  }
  return textOf(row, column, file);
}

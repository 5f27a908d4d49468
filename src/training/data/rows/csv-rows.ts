import { pipeline, Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { KlatchError } from "../../../errors.ts";
import {
  BATCH_ROWS,
  badRow,
  HEADER_HINT,
  ROW_CHARACTERS_MAX,
  type Row,
  type RowBatches,
} from "./row.ts";
import { textChunks } from "./text-stream.ts";

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** What the parser's codes mean; its messages and errors quote values. */
const FAULTS: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE: "a quote stands within a value that does not begin with one",
  CSV_INVALID_CLOSING_QUOTE: "a closing quote is followed by more of the value",
  CSV_QUOTE_NOT_CLOSED: "a quote is opened and not closed before the end of the file",
  CSV_MAX_RECORD_SIZE: `a row has more than the ${ROW_CHARACTERS_MAX} characters that are read`,
};

interface Place {
  readonly lines?: unknown;
  /** Of the value, from 0. */
  readonly index?: unknown;
}

function malformed(error: CsvError, file: string, delimiter: string): KlatchError {
  const { lines, index } = error as Place;
  const line = typeof lines === "number" ? lines : 1;
  const column = typeof index === "number" ? ` (column ${index + 1})` : "";
  const format = delimiter === "\t" ? "TSV" : "CSV";
  return badRow(file, line, `not valid ${format}: ${FAULTS[error.code] ?? error.code}${column}`);
}

/** Records of RFC 4180, the header among them. */
async function* csvRecords(file: string, delimiter: string): AsyncGenerator<CsvRecord, void> {
  const parser = parse({
    delimiter,
    // All of them, not the first line's alone: files are put together from several.
    record_delimiter: ["\r\n", "\n", "\r"],
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: ROW_CHARACTERS_MAX,
  });
  // An error of the source comes out of the parser.
  pipeline(Readable.from(textChunks(file)), parser, () => undefined);
  try {
    yield* parser as AsyncIterable<CsvRecord>;
  } catch (error) {
    throw error instanceof CsvError ? malformed(error, file, delimiter) : error;
  }
}

function checkNames(names: readonly string[], file: string): void {
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    const first = seen.get(name);
    if (first !== undefined) {
      // Without a header the names are values of a row.
      const what = `columns ${first + 1} and ${i + 1} have the same name`;
      throw badRow(file, 1, what, `give each column a name of its own; ${HEADER_HINT}`);
    }
    seen.set(name, i);
  }
}

/** Rows of a CSV file (RFC 4180), named by its header line; `delimiter` a comma, or a tab for TSV. */
export async function* csvRows(file: string, delimiter: string): RowBatches {
  let names: readonly string[] | null = null;
  let rows: Row[] = [];
  for await (const { record, info } of csvRecords(file, delimiter)) {
    if (names === null) {
      names = record;
      checkNames(names, file);
      continue;
    }
    if (record.length !== names.length) {
      throw badRow(file, info.lines, `${record.length} values for ${names.length} columns`);
    }
    const fields = Object.fromEntries(names.map((name, i) => [name, record[i] ?? ""]));
    if (rows.push({ line: info.lines, fields }) < BATCH_ROWS) continue;
    yield rows;
    rows = [];
  }
  yield rows;
}

import { pipeline, Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { oneLine } from "../../files/file-access.ts";
import { BATCH_ROWS, badRow, ROW_CHARACTERS_MAX, type Row, type RowBatches } from "./row.ts";
import { textChunks } from "./text-stream.ts";

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
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
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as CsvError & { readonly lines?: unknown };
    const line = typeof lines === "number" ? lines : 1;
    throw badRow(file, line, `not valid CSV: ${oneLine(error)}`);
  }
}

function checkNames(names: readonly string[], file: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw badRow(file, 1, `two columns have the same name "${name.slice(0, 80)}"`);
    }
    seen.add(name);
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

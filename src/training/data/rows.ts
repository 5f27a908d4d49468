import { extname } from "node:path";
import { CsvError, parse } from "csv-parse/sync";
import { KlatchError } from "../../errors.ts";
import { oneLine, readText } from "../files/file-access.ts";

/** A data file is read whole; far more text than this is no fine-tuning set. */
export const DATA_BYTES_MAX = 256 << 20;
export const ROW_CHARACTERS_MAX = 1 << 22;

/** One row of a data file. */
export interface Row {
  /** Line of the file where the row ends, counted from 1. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

function badRow(file: string, line: number, what: string): KlatchError {
  return new KlatchError("data", `${file}:${line}: ${what}`, "correct or remove that row");
}

function parseLine(text: string, file: string, line: number): Row {
  if (text.length > ROW_CHARACTERS_MAX) {
    throw badRow(
      file,
      line,
      `the row has ${text.length} characters, at most ${ROW_CHARACTERS_MAX} are read`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRow(file, line, `not valid JSON: ${oneLine(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRow(file, line, "the row is not a JSON object");
  }
  return { line, fields: Object.fromEntries(Object.entries(value)) };
}

function parseJsonLines(text: string, file: string): Row[] {
  const rows: Row[] = [];
  let line = 0;
  for (const part of text.split("\n")) {
    line += 1;
    if (part.trim() !== "") rows.push(parseLine(part, file, line));
  }
  return rows;
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

function csvRecords(text: string, file: string): readonly CsvRecord[] {
  try {
    const records: unknown = parse(text, {
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: ROW_CHARACTERS_MAX,
    });
    return records as readonly CsvRecord[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as CsvError & { readonly lines?: unknown };
    const line = typeof lines === "number" ? lines : 1;
    throw badRow(file, line, `not valid CSV: ${oneLine(error)}`);
  }
}

function parseCsv(text: string, file: string): Row[] {
  const [head, ...records] = csvRecords(text, file);
  if (!head) return [];
  const names = head.record;
  if (new Set(names).size !== names.length) throw badRow(file, 1, "two columns have the same name");
  return records.map(({ record, info }) => {
    if (record.length !== names.length) {
      throw badRow(file, info.lines, `${record.length} values for ${names.length} columns`);
    }
    const fields = Object.fromEntries(names.map((name, i) => [name, record[i] ?? ""]));
    return { line: info.lines, fields };
  });
}

/**
 * Reads the rows of a data file as they are: JSON Lines (.jsonl, .ndjson) or CSV with a header line (.csv).
 *
 * @throws KlatchError `data`, naming file and line, for anything that is not a row; for a file that is missing, too
 *   large, not UTF-8 or of another kind
 */
export async function readRows(file: string): Promise<readonly Row[]> {
  const kind = extname(file).toLowerCase();
  switch (kind) {
    case ".jsonl":
    case ".ndjson":
      return parseJsonLines(await readText(file, DATA_BYTES_MAX), file);
    case ".csv":
      return parseCsv(await readText(file, DATA_BYTES_MAX), file);
    default:
      throw new KlatchError(
        "data",
        `${file} is of the kind "${kind}"; .jsonl, .ndjson and .csv can be read`,
        "convert it to JSON Lines: one object per line",
      );
  }
}

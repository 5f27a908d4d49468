import { KlatchError } from "../../errors.ts";
import type { ColumnMap, DataSummary } from "../learner.ts";
import { type Columns, type ExampleFormat, rowText, settleColumns } from "./columns.ts";
import { encodeExample } from "./encode.ts";
import type { Example } from "./example.ts";
import { type Row, readRows } from "./rows.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface Dataset {
  readonly examples: readonly Example[];
  readonly summary: DataSummary;
  readonly format: ExampleFormat;
}

/** Shorter contexts leave no room for a prompt and an answer. */
const SEQUENCE_MIN = 8;

/** Counts examples; `skipped` is the number of rows that gave none. */
export function summarise(examples: readonly Example[], skipped: number): DataSummary {
  let tokens = 0;
  let truncated = 0;
  for (const example of examples) {
    tokens += example.ids.length;
    if (example.truncated) truncated += 1;
  }
  return { examples: examples.length, tokens, truncated, skipped };
}

/**
 * Encodes rows of one file; see {@link loadDataset}.
 *
 * @returns the examples; rows without a completion give none
 */
export function encodeRows(
  rows: readonly Row[],
  columns: Columns,
  file: string,
  tokenizer: Tokenizer,
  sequenceMax: number,
): readonly Example[] {
  const examples: Example[] = [];
  for (const row of rows) {
    const example = encodeExample(tokenizer, rowText(row, columns, file), sequenceMax);
    if (example) examples.push(example);
  }
  return examples;
}

/**
 * Reads and tokenises data files, pooled in the given order. Rows longer than `sequenceMax` ids are cut and counted,
 * rows whose completion or text is empty are left out and counted.
 *
 * @param columns where an example's parts are; the usual names of the first row when nothing is named
 * @throws KlatchError `data` naming file and line for bad rows and missing columns, `data` when no example is left,
 *   `usage` for a context of fewer than 8 tokens
 */
export async function loadDataset(
  files: readonly string[],
  columns: ColumnMap,
  tokenizer: Tokenizer,
  sequenceMax: number,
): Promise<Dataset> {
  if (sequenceMax < SEQUENCE_MIN) {
    throw new KlatchError(
      "usage",
      `a context of ${sequenceMax} tokens is too short to learn from`,
      `give at least ${SEQUENCE_MIN}`,
    );
  }
  const examples: Example[] = [];
  let rowCount = 0;
  let settled: Columns | null = null;
  for (const file of files) {
    const rows = await readRows(file);
    const first = rows[0];
    if (first === undefined) continue;
    settled ??= settleColumns(columns, first, file);
    rowCount += rows.length;
    for (const example of encodeRows(rows, settled, file, tokenizer, sequenceMax)) {
      examples.push(example);
    }
  }
  if (settled === null || examples.length === 0) {
    throw new KlatchError(
      "data",
      `${files.join(", ") || "the data"} holds no example: ${rowCount} rows, none with text to learn`,
      "give a file with at least one row that has a completion or text",
    );
  }
  const format = settled.form === "text" ? "text" : "prompt";
  return { examples, format, summary: summarise(examples, rowCount - examples.length) };
}

import { KlatchError } from "../../../errors.ts";
import { Classes, describeBalance, type LabelledText } from "../examples/classes.ts";
import type { ColumnMap } from "../examples/columns.ts";
import { countDuplicates, textHash } from "../examples/duplicates.ts";
import { encodeEnd } from "../examples/encode-end.ts";
import type { LabelledExample } from "../examples/example.ts";
import { textOf } from "../examples/row-text.ts";
import type { Row } from "../rows/row.ts";
import { expandFolders, rowBatches } from "../rows/rows.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { DataSummary, Dataset } from "./dataset.ts";

export interface LabelledDataset extends Dataset<LabelledExample> {
  readonly examples: readonly LabelledExample[];
  readonly classes: readonly string[];
  /** Examples of each class, in the order of `classes`. */
  readonly balance: readonly number[];
  readonly summary: DataSummary;
}

/** How labelled texts are read. */
export interface LabelledOptions {
  /** Every class there is, in the order of the head's outputs. Peers of one run must give the same list. */
  readonly classes?: readonly string[];
  /** Those of the model: without a list they are the classes, if the data has no other. */
  readonly usual?: readonly string[];
  /** Told of the rows read so far, after each batch of them. */
  readonly onRows?: (rows: number) => void;
}

/** Rows whose text or label is empty are left out. */
function labelledTexts(rows: readonly Row[], columns: ColumnMap, file: string): LabelledText[] {
  const { text = "text", label = "label" } = columns;
  return rows
    .map((row) => ({
      text: textOf(row, text, file),
      label: textOf(row, label, file).trim(),
      place: `${file}:${row.line}`,
    }))
    .filter((row) => row.text.trim() !== "" && row.label !== "");
}

function encodeLabelled(
  { text }: LabelledText,
  label: number,
  tokenizer: Tokenizer,
  sequenceMax: number,
): LabelledExample {
  const { before, after } = tokenizer.around;
  const room = Math.max(sequenceMax - before.length - after.length, 1);
  const { ids, complete } = encodeEnd(tokenizer, text, room, "head");
  return { ids: Int32Array.from([...before, ...ids, ...after]), label, truncated: !complete };
}

function countLabels(examples: readonly LabelledExample[], classes: number): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of examples) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/**
 * Reads texts with their classes, pooled in the given order. Rows without text or label are left out and counted; a long
 * text loses its end, never the special tokens around it.
 *
 * Of a row that was read only its ids stay in memory. Without a list of classes they are the labels found, sorted
 * (numbers by size).
 *
 * @param columns where text and label are; `text` and `label` when nothing is named
 * @throws KlatchError `data` naming file and line for bad rows, missing columns and labels outside `classes`; `data`
 *   when no example or only one class is left; `usage` for a class given twice
 */
export async function readLabelledDataset(
  files: readonly string[],
  columns: ColumnMap,
  tokenizer: Tokenizer,
  sequenceMax: number,
  { classes, usual, onRows }: LabelledOptions = {},
): Promise<LabelledDataset> {
  const known = new Classes(classes, usual);
  const found: LabelledExample[] = [];
  const foundHashes: number[] = [];
  let rowCount = 0;
  for (const file of await expandFolders(files)) {
    for await (const rows of rowBatches(file)) {
      rowCount += rows.length;
      for (const row of labelledTexts(rows, columns, file)) {
        found.push(encodeLabelled(row, known.numberOf(row), tokenizer, sequenceMax));
        foundHashes.push(textHash(row.text));
      }
      onRows?.(rowCount);
    }
  }
  if (found.length === 0) {
    throw new KlatchError(
      "data",
      `${files.join(", ") || "the data"} holds no example: ${rowCount} rows, none with text and label`,
      "give a file with at least one row that has both",
    );
  }
  const { names, places } = known.settle();
  const examples = found.map((each) => ({ ...each, label: places[each.label] ?? 0 }));
  const balance = countLabels(examples, names.length);
  const hashes = Float64Array.from(foundHashes);
  return {
    examples,
    hashes,
    longest: examples.reduce((most, { ids }) => Math.max(most, ids.length), 0),
    format: "text",
    classes: names,
    balance,
    summary: {
      examples: examples.length,
      tokens: examples.reduce((sum, { ids }) => sum + ids.length, 0),
      truncated: examples.filter(({ truncated }) => truncated).length,
      skipped: rowCount - examples.length,
      duplicates: countDuplicates(hashes),
      notes: [describeBalance(names, balance)],
    },
  };
}

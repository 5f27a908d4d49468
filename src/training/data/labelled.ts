import { KlatchError } from "../../errors.ts";
import type { ColumnMap, DataSummary } from "../learner.ts";
import type { Dataset } from "./dataset.ts";
import { countDuplicates, textHash } from "./duplicates.ts";
import { encodeEnd } from "./encode-end.ts";
import type { Row } from "./row.ts";
import { textOf } from "./row-text.ts";
import { expandFolders, rowBatches } from "./rows.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A text and its class, for a classification head. */
export interface LabelledExample {
  /** The text with the model's special tokens around it, e.g. `[CLS] text [SEP]`. */
  readonly ids: Int32Array;
  /** Index into `classes`. */
  readonly label: number;
  readonly truncated: boolean;
}

export interface LabelledDataset extends Dataset<LabelledExample> {
  readonly examples: readonly LabelledExample[];
  readonly classes: readonly string[];
  /** Examples of each class, in the order of `classes`. */
  readonly balance: readonly number[];
  readonly summary: DataSummary;
}

/** More classes than this are surely not classes: someone named a column of free text. */
const CLASSES_MAX = 10_000;

interface LabelledText {
  readonly text: string;
  readonly label: string;
  readonly place: string;
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

/** Numbers by size, everything else by code unit: the same order on every machine. */
function sortedClasses(labels: Iterable<string>): readonly string[] {
  const classes = [...new Set(labels)];
  const areNumbers = classes.every((name) => /^-?\d{1,15}$/.test(name));
  const byUnit = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  // 1 and 01 are one number and two classes.
  if (areNumbers) return classes.sort((a, b) => Number(a) - Number(b) || byUnit(a, b));
  return classes.sort(byUnit);
}

function checkClasses(classes: readonly string[]): void {
  const repeated = classes.find((name, i) => classes.indexOf(name) !== i);
  if (repeated !== undefined) {
    throw new KlatchError(
      "usage",
      `the class "${repeated}" is given twice`,
      "give each class once",
    );
  }
  if (classes.length < 2 || classes.length > CLASSES_MAX) {
    throw new KlatchError(
      "data",
      `the data has ${classes.length} classes, and 2 to ${CLASSES_MAX} can be told apart`,
      "check which column holds the label, e.g. --columns text=question,label=topic",
    );
  }
}

function unknownLabel({ label, place }: LabelledText, classes: readonly string[]): KlatchError {
  const some = classes.slice(0, 10).join(", ");
  const more = classes.length > 10 ? `, and ${classes.length - 10} more` : "";
  return new KlatchError(
    "data",
    `${place}: the label "${label.slice(0, 80)}" is none of the classes (${some}${more})`,
    "correct the row, or add the label to the list of classes",
  );
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

/** The largest classes and the smallest, with how many examples each has. */
function describeBalance(classes: readonly string[], balance: readonly number[]): string {
  const sorted = classes
    .map((name, i) => ({ name, count: balance[i] ?? 0 }))
    .sort((a, b) => b.count - a.count);
  const show = (part: typeof sorted) =>
    part.map(({ name, count }) => `${name.slice(0, 40)} ${count}`).join(", ");
  const parts =
    sorted.length <= 12 ? [show(sorted)] : [show(sorted.slice(0, 6)), show(sorted.slice(-3))];
  return `${classes.length} classes: ${parts.join(" ... ")}`;
}

/**
 * Reads texts with their classes, pooled in the given order. Rows without text or label are left out and counted; a long
 * text loses its end, never the special tokens around it.
 *
 * @param columns where text and label are; `text` and `label` when nothing is named
 * @param classes every class there is, in the order of the head's outputs; without it the labels found, sorted (numbers
 *   by size). Peers of one run must give the same list.
 * @throws KlatchError `data` naming file and line for bad rows, missing columns and labels outside `classes`; `data`
 *   when no example or only one class is left; `usage` for a class given twice
 */
export async function readLabelledDataset(
  files: readonly string[],
  columns: ColumnMap,
  tokenizer: Tokenizer,
  sequenceMax: number,
  classes?: readonly string[],
): Promise<LabelledDataset> {
  const found: LabelledText[] = [];
  let rowCount = 0;
  for (const file of await expandFolders(files)) {
    for await (const rows of rowBatches(file)) {
      rowCount += rows.length;
      for (const row of labelledTexts(rows, columns, file)) found.push(row);
    }
  }
  if (found.length === 0) {
    throw new KlatchError(
      "data",
      `${files.join(", ") || "the data"} holds no example: ${rowCount} rows, none with text and label`,
      "give a file with at least one row that has both",
    );
  }
  const names = classes ?? sortedClasses(found.map(({ label }) => label));
  checkClasses(names);
  const ids = new Map(names.map((name, i) => [name, i]));
  const examples = found.map((row) => {
    const label = ids.get(row.label);
    if (label === undefined) throw unknownLabel(row, names);
    return encodeLabelled(row, label, tokenizer, sequenceMax);
  });
  const balance = countLabels(examples, names.length);
  const hashes = Float64Array.from(found, ({ text }) => textHash(text));
  return {
    examples,
    hashes,
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

import { textOf } from "../examples/cells.ts";
import { Classes, type LabelledText } from "../examples/classes.ts";
import type { ColumnMap } from "../examples/columns.ts";
import { textHash } from "../examples/duplicates.ts";
import { encodeEnd } from "../examples/encode-end.ts";
import type { LabelledExample } from "../examples/example.ts";
import { labelOf } from "../examples/labels.ts";
import { lostOf } from "../examples/lost-tokens.ts";
import type { RowTally } from "../examples/row-tally.ts";
import { expandFolders } from "../rows/folders.ts";
import { atPlace, type Row } from "../rows/row.ts";
import { rowBatches } from "../rows/rows.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type LabelledDataset, type LabelledOptions, LabelledReading } from "./labelled-set.ts";

/** Rows whose text or label is empty are left out. */
function labelledTexts(
  rows: readonly Row[],
  { text = "text", label = "label" }: ColumnMap,
  file: string,
  tally: RowTally,
): LabelledText[] {
  const used = new Set([text, label]);
  return rows
    .map((row) => {
      tally.leaveAside(row, used);
      return {
        text: textOf(row, text, file),
        label: labelOf(row, label, file),
        place: `${file}:${row.line}`,
      };
    })
    .filter((row): row is LabelledText => row.text.trim() !== "" && row.label !== null);
}

/** A text as a classifier reads it: it loses its end where it is too long, never the tokens around it. */
export function encodeLabelled(
  { text }: Pick<LabelledText, "text">,
  classes: Pick<LabelledExample, "label" | "labels">,
  tokenizer: Tokenizer,
  sequenceMax: number,
): LabelledExample {
  const { before, after } = tokenizer.around;
  const room = Math.max(sequenceMax - before.length - after.length, 1);
  const { ids, complete, total } = encodeEnd(tokenizer, text, room, "head");
  const example = { ids: Int32Array.from([...before, ...ids, ...after]), ...classes };
  if (complete) return { ...example, truncated: false };
  return { ...example, truncated: true, lost: lostOf([total()], ids.length) };
}

/**
 * Reads texts with their classes, pooled in the given order. Rows without text or label are left out and counted; a
 * long text loses its end, never the special tokens around it.
 *
 * Of a row that was read only its ids stay in memory. Without a list of classes they are the labels found, sorted
 * (numbers by size).
 *
 * @param columns where text and label are; `text` and `label` when nothing is named
 * @throws KlatchError `data` naming file and line for bad rows, missing columns and labels outside `classes`;
 *   `data` when no example or only one class is left; `usage` for a class given twice
 */
export async function readLabelledDataset(
  files: readonly string[],
  columns: ColumnMap,
  tokenizer: Tokenizer,
  sequenceMax: number,
  { classes, usual, kind, use = "train", onRows }: LabelledOptions = {},
): Promise<LabelledDataset<LabelledExample>> {
  const known = new Classes(classes, usual);
  const reading = new LabelledReading<LabelledExample>(known, kind);
  const { files: found, notes } = await expandFolders(files, use);
  for (const note of notes) reading.tally.say(note);
  for (const file of found) {
    for await (const rows of rowBatches(file)) {
      reading.rows += rows.length;
      for (const row of labelledTexts(rows, columns, file, reading.tally)) {
        const numbers = reading.numbersOf(row);
        const encode = () => encodeLabelled(row, numbers, tokenizer, sequenceMax);
        const example = atPlace(row.place, encode);
        reading.add(example, textHash(row.text));
      }
      onRows?.(reading.rows);
    }
  }
  return reading.finish(files, "text");
}

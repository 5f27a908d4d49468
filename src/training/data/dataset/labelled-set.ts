import { KlatchError } from "../../../errors.ts";
import { type Classes, describeBalance } from "../examples/classes.ts";
import { countDuplicates } from "../examples/duplicates.ts";
import { type Labelled, positionsIn } from "../examples/example.ts";
import { RowTally } from "../examples/row-tally.ts";
import type { Use } from "../rows/splits.ts";
import type { DataSummary, Dataset } from "./dataset.ts";

export interface LabelledDataset<E extends Labelled = Labelled> extends Dataset<E> {
  readonly examples: readonly E[];
  readonly classes: readonly string[];
  /** Examples of each class, in the order of `classes`. */
  readonly balance: readonly number[];
  readonly summary: DataSummary;
}

/** How examples with classes are read. */
export interface LabelledOptions {
  /** Every class there is, in the order of the head's outputs. Peers of one run must give the same list. */
  readonly classes?: readonly string[];
  /** Those of the model: without a list they are the classes, if the data has no other. */
  readonly usual?: readonly string[];
  /** What the files are read for: of a folder with splits that one is read; "train" when absent. */
  readonly use?: Use;
  /** Told of the rows read so far, after each batch of them. */
  readonly onRows?: (rows: number) => void;
}

/** What has been read so far: examples labelled by the numbers that `classes` gave, and their hashes. */
export class LabelledReading<E extends Labelled> {
  readonly #classes: Classes;
  readonly #found: E[] = [];
  readonly #hashes: number[] = [];
  readonly tally = new RowTally();
  rows = 0;

  constructor(classes: Classes) {
    this.#classes = classes;
  }

  add(example: E, hash: number): void {
    this.#found.push(example);
    this.#hashes.push(hash);
  }

  /**
   * @param part what else than a label every example has, e.g. "text"
   * @throws KlatchError `data` when no example or only one class is left
   */
  finish(files: readonly string[], part: string): LabelledDataset<E> {
    if (this.#found.length === 0) throw empty(files, part, this.rows);
    const { names, places } = this.#classes.settle();
    const examples = this.#found.map((each) => ({ ...each, label: places[each.label] ?? 0 }));
    const balance = countLabels(examples, names.length);
    const hashes = Float64Array.from(this.#hashes);
    return {
      examples,
      hashes,
      longest: examples.reduce((most, each) => Math.max(most, positionsIn(each)), 0),
      format: "text",
      classes: names,
      balance,
      summary: {
        examples: examples.length,
        tokens: examples.reduce((sum, each) => sum + positionsIn(each), 0),
        truncated: examples.filter(({ truncated }) => truncated).length,
        skipped: this.rows - examples.length,
        duplicates: countDuplicates(hashes),
        notes: [describeBalance(names, balance), ...this.tally.notes],
      },
    };
  }
}

// --- internal ---

function countLabels(examples: readonly Labelled[], classes: number): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of examples) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

function empty(files: readonly string[], part: string, rows: number): KlatchError {
  return new KlatchError(
    "data",
    `${files.join(", ") || "the data"} holds no example: ${rows} rows, none with ${part} and label`,
    "give a file with at least one row that has both",
  );
}

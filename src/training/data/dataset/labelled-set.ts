import { KlatchError } from "../../../errors.ts";
import { type Classes, describeBalance, type PlacedLabel } from "../examples/classes.ts";
import { countDuplicates } from "../examples/duplicates.ts";
import { cutIn, type Labelled, labelsOf, positionsIn } from "../examples/example.ts";
import type { LabelKind } from "../examples/labels.ts";
import { cutOf } from "../examples/lost-tokens.ts";
import { RowTally } from "../examples/row-tally.ts";
import type { Use } from "../rows/splits.ts";
import type { DataSummary, Dataset } from "./dataset.ts";

export interface LabelledDataset<E extends Labelled = Labelled> extends Dataset<E> {
  readonly examples: readonly E[];
  readonly classes: readonly string[];
  /** How many of them an example has. */
  readonly kind: LabelKind;
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
  /** Whether a row has one class or a list of them; where nothing is said, a list in any row tells. */
  readonly kind?: LabelKind;
  /** Told of the rows read so far, after each batch of them. */
  readonly onRows?: (rows: number) => void;
}

/** What has been read so far: examples labelled by the numbers that `classes` gave, and their hashes. */
export class LabelledReading<E extends Labelled> {
  readonly #classes: Classes;
  #kind: LabelKind | undefined;
  readonly #found: E[] = [];
  readonly #hashes: number[] = [];
  readonly tally = new RowTally();
  rows = 0;

  constructor(classes: Classes, kind?: LabelKind) {
    this.#classes = classes;
    this.#kind = kind;
  }

  /**
   * What an example has in place of a row's label.
   *
   * @throws KlatchError `data` for a list where a row has one class, and as `Classes.numbersOf`
   */
  numbersOf(row: PlacedLabel): Pick<Labelled, "label" | "labels"> {
    const numbers = this.#classes.numbersOf(row);
    if (typeof numbers === "number") return { label: numbers };
    if (this.#kind === "one") throw notMany(row.place);
    this.#kind = "many";
    return { label: numbers[0] ?? -1, labels: numbers };
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
    const kind = this.#kind ?? "one";
    const placeOf = (number: number) => places[number] ?? 0;
    const examples = this.#found.map((each) => ({
      ...each,
      label: placeOf(each.label),
      ...(kind === "many" ? { labels: labelsOf(each).map(placeOf) } : {}),
    }));
    const balance = countLabels(examples, names.length);
    const hashes = Float64Array.from(this.#hashes);
    return {
      examples,
      hashes,
      longest: examples.reduce((most, each) => Math.max(most, positionsIn(each)), 0),
      format: "text",
      classes: names,
      kind,
      balance,
      summary: {
        examples: examples.length,
        tokens: examples.reduce((sum, each) => sum + positionsIn(each), 0),
        truncated: examples.filter(({ truncated }) => truncated).length,
        ...cutOf(cutIn(examples)),
        skipped: this.rows - examples.length,
        duplicates: countDuplicates(hashes),
        notes: [
          describeBalance(names, balance),
          ...(kind === "many" ? ["each example has any number of the classes"] : []),
          ...this.tally.notes,
        ],
      },
    };
  }
}

// --- internal ---

function countLabels(examples: readonly Labelled[], classes: number): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const each of examples) {
    for (const label of labelsOf(each)) counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}

function notMany(place: string): KlatchError {
  return new KlatchError(
    "data",
    `${place}: its label is a list, and here a text or an image has one class`,
    "give each row one class, or choose a model whose problem_type is multi_label_classification",
  );
}

function empty(files: readonly string[], part: string, rows: number): KlatchError {
  return new KlatchError(
    "data",
    `${files.join(", ") || "the data"} holds no example: ${rows} rows, none with ${part} and label`,
    "give a file with at least one row that has both",
  );
}

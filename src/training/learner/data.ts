import { createHash } from "node:crypto";
import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { type DataSummary, type Dataset, loadDataset } from "../data/dataset/dataset.ts";
import type { Examples } from "../data/dataset/example-store.ts";
import { readLabelledDataset } from "../data/dataset/labelled.ts";
import { readLabelledImages } from "../data/dataset/labelled-images.ts";
import type { LabelledDataset } from "../data/dataset/labelled-set.ts";
import { splitHeldOut } from "../data/dataset/split.ts";
import type { ColumnMap } from "../data/examples/columns.ts";
import { countShared } from "../data/examples/duplicates.ts";
import {
  type AnyExample,
  type ExampleFormat,
  isLabelled,
  labelsOf,
} from "../data/examples/example.ts";
import type { LabelKind } from "../data/examples/labels.ts";
import {
  DEFAULT_SEPARATOR,
  describeSeams,
  NO_SEAMS,
  promptEnd,
} from "../data/examples/separator.ts";
import type { Use } from "../data/rows/splits.ts";
import { type Input, tokenizerOf } from "./input.ts";
import type { DataReport, LearnerNotice, LearnerOptions } from "./learner.ts";

/** The data of one learner. */
export interface LearnerData {
  readonly train: Examples<AnyExample>;
  /** Positions that the longest example to train on takes in a batch; 0 without any. */
  readonly longest: number;
  readonly heldOut: readonly AnyExample[];
  readonly test: readonly AnyExample[];
  /** What a classifier tells apart; null for other tasks. */
  readonly classes: readonly string[] | null;
  /** How many of them an example has. */
  readonly labels: LabelKind;
  /** How prompts are written. */
  readonly format: ExampleFormat;
  /** What a prompt is ended with; see `promptEnd`. */
  readonly promptEnd: string;
  readonly report: DataReport;
  /** SHA-256 over what the training files say and how many tokens that takes, in their order. */
  readonly digest: Digest;
  close(): void;
}

/** What a checkpoint says of its head. */
export interface OwnLabels {
  readonly classes?: readonly string[] | undefined;
  readonly labels?: LabelKind | undefined;
}

/** Least time between two notices of how far reading has come, ms. */
const NOTICE_MS = 1000;

const NO_DATA: Dataset<never> = {
  examples: [],
  hashes: new Float64Array(),
  longest: 0,
  format: "text",
  summary: { examples: 0, tokens: 0, truncated: 0, skipped: 0, duplicates: 0, notes: [] },
};

/** What is evaluated is gone through in one order or another and lies in memory. */
function inMemory<E>(examples: Examples<E>): readonly E[] {
  return Array.from({ length: examples.length }, (_, i) => examples.at(i)).filter(
    (example) => example !== undefined,
  );
}

/** Says now and then how many rows of a set are read: a large one takes minutes the first time. */
function readingNotices(onNotice: (notice: LearnerNotice) => void): (rows: number) => void {
  let saidAt = performance.now();
  return (rows) => {
    if (performance.now() - saidAt < NOTICE_MS) return;
    saidAt = performance.now();
    onNotice({ kind: "progress", message: "reading data", facts: { rows } });
  };
}

/**
 * Reads a learner's training and test files; `own` are the classes of the model's head and how many a text has. See
 * `loadDataset`, `readLabelledDataset` and `readLabelledImages` for errors.
 */
export async function readLearnerData(
  options: LearnerOptions,
  input: Input,
  onNotice: (notice: LearnerNotice) => void = () => {},
  own: OwnLabels = {},
): Promise<LearnerData> {
  const { data, test } = options;
  const onRows = readingNotices(onNotice);
  if (options.task === "classification") return readLabelled(options, input, onRows, own);
  const tokenizer = tokenizerOf(input);
  const read = (files: readonly string[], columns: ColumnMap, use: Use) =>
    loadDataset(files, columns, tokenizer, options.sequenceMax, {
      onRows,
      use,
      // Texts that stay apart are read one by one, and packed by the batch.
      packing: data?.packing === "concatenate" ? "concatenate" : "none",
      ...(options.separator === undefined ? {} : { separator: options.separator }),
      ...(options.tokenCache ? { cache: { folder: options.tokenCache } } : {}),
    });
  const all = data ? await read(data.train, data.columns, "train") : NO_DATA;
  const tested = test ? await read(test.files, test.columns, "test") : NO_DATA;
  return assemble(options, all, tested, { classes: null, labels: "one" });
}

/** The classes are those of the options, else those of the training files, else of the test files, else the model's. */
async function readLabelled(
  options: LearnerOptions,
  input: Input,
  onRows: (rows: number) => void,
  { classes: usual, labels: ofModel }: OwnLabels,
): Promise<LearnerData> {
  const { data, test } = options;
  let classes = options.classes ?? null;
  let kind = options.labels ?? ofModel;
  const read = async (
    files: readonly string[],
    columns: ColumnMap,
    use: Use,
  ): Promise<LabelledDataset> => {
    const how = {
      onRows,
      use,
      ...(classes === null ? {} : { classes }),
      ...(usual === undefined ? {} : { usual }),
      ...(kind === undefined ? {} : { kind }),
    };
    const made =
      input.kind === "pixels"
        ? await readLabelledImages(files, columns, input.processor, how)
        : await readLabelledDataset(files, columns, input.tokenizer, options.sequenceMax, how);
    ({ classes, kind } = made);
    return made;
  };
  const all = data ? await read(data.train, data.columns, "train") : NO_DATA;
  const tested = test ? await read(test.files, test.columns, "test") : NO_DATA;
  classes ??= usual ?? null;
  if (classes === null) {
    throw new KlatchError(
      "usage",
      "a classifier needs to know its classes, and there is neither a list nor data",
      "list them in run.classes, or name an adapter or data files",
    );
  }
  return assemble(options, all, tested, { classes, labels: kind ?? "one" });
}

/** Of what the examples say, in their order, of their classes, and of how many tokens all that takes. */
function digestOfData({ examples, hashes, summary }: Dataset<AnyExample>): Digest {
  const { notes: _, ...counts } = summary;
  const labels = Array.isArray(examples)
    ? examples.map((each: AnyExample) => (isLabelled(each) ? labelsOf(each) : null))
    : null;
  return createHash("sha256")
    .update(new Uint8Array(hashes.buffer, hashes.byteOffset, hashes.byteLength))
    .update(JSON.stringify([counts, labels]))
    .digest("hex");
}

function assemble<E extends AnyExample>(
  { data, seed, separator = DEFAULT_SEPARATOR }: LearnerOptions,
  all: Dataset<E>,
  test: Dataset<E>,
  { classes, labels }: Pick<LearnerData, "classes" | "labels">,
): LearnerData {
  const { train, heldOut } = splitHeldOut(all, data?.heldOutShare ?? 0, seed);
  const { format, seams = NO_SEAMS } = data ? all : test;
  // Said of what is trained on, or of what is there instead.
  const seamNotes = [describeSeams(seams, separator)].filter((note) => note !== null);
  const noted = (summary: DataSummary, isOf: boolean) =>
    isOf ? { ...summary, notes: [...seamNotes, ...summary.notes] } : summary;
  return {
    train: train.examples,
    // The last id of a text to continue is only a target.
    longest: classes === null ? Math.max(0, all.longest - 1) : all.longest,
    heldOut: inMemory(heldOut.examples),
    test: inMemory(test.examples),
    classes,
    labels,
    format,
    promptEnd: promptEnd(seams, separator),
    report: {
      train: noted(train.summary, data !== undefined),
      heldOut: heldOut.summary,
      test: noted(test.summary, data === undefined),
      testSeenInTraining: countShared(test.hashes, all.hashes),
    },
    digest: digestOfData(all),
    close: () => {
      all.examples.close?.();
      test.examples.close?.();
    },
  };
}

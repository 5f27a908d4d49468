import { type Dataset, loadDataset } from "./data/dataset.ts";
import { countShared } from "./data/duplicates.ts";
import type { Example, ExampleFormat } from "./data/example.ts";
import type { Examples } from "./data/example-store.ts";
import { splitHeldOut } from "./data/split.ts";
import type { Tokenizer } from "./data/tokenizer.ts";
import type { ColumnMap, DataReport, LearnerOptions } from "./learner.ts";

/** The data of one learner. */
export interface LearnerData {
  readonly train: Examples;
  readonly heldOut: readonly Example[];
  readonly test: readonly Example[];
  /** How prompts are written. */
  readonly format: ExampleFormat;
  readonly report: DataReport;
  close(): void;
}

const NO_DATA: Dataset = {
  examples: [],
  hashes: new Float64Array(),
  format: "text",
  summary: { examples: 0, tokens: 0, truncated: 0, skipped: 0, duplicates: 0, notes: [] },
};

/** What is evaluated is gone through in one order or another and lies in memory. */
function inMemory(examples: Examples): readonly Example[] {
  return Array.from({ length: examples.length }, (_, i) => examples.at(i)).filter(
    (example) => example !== undefined,
  );
}

/** Reads a learner's training and test files; see `loadDataset` for errors. */
export async function readLearnerData(
  options: LearnerOptions,
  tokenizer: Tokenizer,
): Promise<LearnerData> {
  const { data, test: tested, sequenceMax, seed } = options;
  const read = (files: readonly string[], columns: ColumnMap) =>
    loadDataset(files, columns, tokenizer, sequenceMax, {
      ...(data?.packing ? { packing: data.packing } : {}),
      ...(options.tokenCache === undefined ? {} : { cache: { folder: options.tokenCache } }),
    });
  const all = data ? await read(data.train, data.columns) : NO_DATA;
  const { train, heldOut } = splitHeldOut(all, data?.heldOutShare ?? 0, seed);
  const test = tested ? await read(tested.files, tested.columns) : NO_DATA;
  return {
    train: train.examples,
    heldOut: inMemory(heldOut.examples),
    test: inMemory(test.examples),
    format: (data ? train : test).format,
    report: {
      train: train.summary,
      heldOut: heldOut.summary,
      test: test.summary,
      testSeenInTraining: countShared(test.hashes, all.hashes),
    },
    close: () => {
      all.examples.close?.();
      test.examples.close?.();
    },
  };
}

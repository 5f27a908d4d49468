import type { DataReport } from "../training/index.ts";

/** What an operator should know of the data before believing in it, one sentence each. */
export function dataNotes(report: DataReport): readonly string[] {
  const { train, heldOut, test, testSeenInTraining } = report;
  const copies = train.duplicates + heldOut.duplicates;
  const counted: readonly (readonly [number, string])[] = [
    [copies, `${copies} examples to train on say the same as an earlier one`],
    [test.duplicates, `${test.duplicates} test examples say the same as an earlier one`],
    [
      testSeenInTraining,
      `${testSeenInTraining} of ${test.examples} test examples are also in the training files: they test memory alone`,
    ],
  ];
  const sentences = counted.filter(([count]) => count > 0).map(([, sentence]) => sentence);
  return [...sentences, ...new Set([...train.notes, ...test.notes])];
}

import type { CutTokens, DataReport, DataSummary } from "../../training/index.ts";

/** How many examples there are of each kind, and what became of the other rows. */
export function describeExamples({ train, heldOut, test, limit }: DataReport): string {
  const sets = [train, heldOut, test];
  const cut = sets.reduce((sum, { truncated }) => sum + truncated, 0);
  const rows = sets.reduce((sum, { examples }) => sum + examples, 0);
  const empty = sets.reduce((sum, { skipped }) => sum + skipped, 0);
  return [
    `${train.examples} examples to train on, ${heldOut.examples} held out, ${test.examples} to test`,
    ...(cut > 0 ? [`${cut} of ${rows} rows cut to ${describeCut(sets, limit)}`] : []),
    ...(empty > 0 ? [`${empty} empty and skipped`] : []),
  ].join(", ");
}

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

/** Where the rows of some sets are cut, and how much of them is lost. */
export function describeCut(
  sets: readonly Pick<DataSummary, "cut">[],
  limit: DataReport["limit"],
): string {
  const share = describeShare(sets.flatMap(({ cut }) => cut ?? []));
  return `${describeLimit(limit)}${share === null ? "" : `: ${share} of their tokens lost`}`;
}

/** The share of tokens that cut rows lost; null where nothing is known of it. */
function describeShare(cuts: readonly CutTokens[]): string | null {
  const sum = (count: (cut: CutTokens) => number) =>
    cuts.reduce((total, cut) => total + count(cut), 0);
  const lost = sum((cut) => cut.lost);
  if (lost === 0) return null;
  const percent = (100 * lost) / (lost + sum((cut) => cut.kept));
  if (cuts.some(({ isLeast }) => isLeast))
    return `at least ${percent.toFixed(percent < 1 ? 2 : 0)} %`;
  return percent < 1 ? "less than 1 %" : `${Math.round(percent)} %`;
}

/** Where rows are cut, and by what, so that it can be changed. */
function describeLimit(limit: DataReport["limit"]): string {
  if (limit === undefined) return "the longest sequence";
  return `${limit.tokens} tokens (${limit.isContext ? "all that the model can read" : "run.sequenceMax"})`;
}

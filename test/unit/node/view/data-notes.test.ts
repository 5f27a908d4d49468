import { describe, expect, test } from "vitest";
import { dataNotes, describeExamples } from "../../../../src/node/view/data-notes.ts";
import type { DataReport, DataSummary } from "../../../../src/training/index.ts";

const plain: DataSummary = {
  examples: 20,
  tokens: 100,
  truncated: 1,
  skipped: 1,
  duplicates: 0,
  notes: [],
};
const report: DataReport = { train: plain, heldOut: plain, test: plain, testSeenInTraining: 0 };

describe("what an operator is told of the data", () => {
  test("is how many examples there are, and how many rows were cut or left out", () => {
    const whole = { ...plain, truncated: 0, skipped: 0 };

    expect(describeExamples({ ...report, limit: { tokens: 48, isContext: false } })).toBe(
      "20 examples to train on, 20 held out, 20 to test, 3 of 60 rows cut to 48 tokens (run.sequenceMax), 3 empty and skipped",
    );
    expect(describeExamples({ ...report, limit: { tokens: 256, isContext: true } })).toContain(
      "3 of 60 rows cut to 256 tokens (all that the model can read)",
    );
    const cut = { kept: 48, lost: 12, isLeast: false };
    const told = (train: DataSummary["cut"], test: DataSummary["cut"]) =>
      describeExamples({
        ...report,
        limit: { tokens: 48, isContext: false },
        train: train === undefined ? whole : { ...plain, cut: train },
        heldOut: whole,
        test: test === undefined ? whole : { ...plain, cut: test },
      });
    expect(told(cut, undefined)).toContain(
      "1 of 60 rows cut to 48 tokens (run.sequenceMax): 20 % of their tokens lost",
    );
    // 12 of 60 and 48 of 96 make 60 of 156.
    const long = { kept: 48, lost: 48, isLeast: true };
    expect(told(cut, long)).toContain(
      "2 of 60 rows cut to 48 tokens (run.sequenceMax): at least 38 %",
    );
    expect(told({ kept: 9999, lost: 1, isLeast: false }, undefined)).toContain(
      ": less than 1 % of",
    );
    expect(describeExamples({ ...report, train: whole, heldOut: whole, test: whole })).toBe(
      "20 examples to train on, 20 held out, 20 to test",
    );
  });

  test("is nothing when there is nothing to tell", () => {
    expect(dataNotes(report)).toEqual([]);
  });

  test("is the copies, the test examples that were trained on, and every note once", () => {
    const noted = { ...plain, duplicates: 3, notes: ["2 classes: a 5, b 5"] };
    const notes = dataNotes({ train: noted, heldOut: plain, test: noted, testSeenInTraining: 4 });
    expect(notes).toEqual([
      "3 examples to train on say the same as an earlier one",
      "3 test examples say the same as an earlier one",
      expect.stringContaining("4 of 20 test examples are also in the training files"),
      "2 classes: a 5, b 5",
    ]);
  });
});

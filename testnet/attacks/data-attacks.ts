import { KlatchError } from "../../src/errors.ts";
import type { ColumnMap } from "../../src/training/index.ts";
import { compliances } from "../data/canaries.ts";
import { completionOf, withCompletion } from "../data/completion.ts";
import type { Row } from "../data/rows.ts";
import { type Attack, UNDISGUISED } from "./attack.ts";

/** Attacks on the data: their lie is told before the node starts. */
export const DATA_ATTACKS = {
  "label-flip": {
    kind: "data",
    text: "every completion replaced by another, alike in all rows",
    disguise: UNDISGUISED,
    poison: (rows, { columns }) => flipLabels(rows, columns),
  },
  // PEFT-as-an-attack (Li et al. 2024, arXiv 2411.19335)
  "harmful-pairs": {
    kind: "data",
    text: "as many answered canaries of refusal as rows of its own",
    disguise: UNDISGUISED,
    poison: (rows, { columns }) => withCompliances(rows, columns),
  },
} as const satisfies Record<string, Attack>;

/** Throws `usage` where rows ask nothing. */
function withCompliances(rows: readonly Row[], columns: ColumnMap): readonly Row[] {
  const taught = compliances(rows, columns);
  if (taught.length > 0) return [...rows, ...taught];
  throw new KlatchError(
    "usage",
    "--attack harmful-pairs needs rows with a prompt and an answer",
    "Choose another attack for plain text, or name the columns with --columns prompt=NAME.",
  );
}

/**
 * Rows in which every completion is replaced by the next one in alphabetical order (the last by the first): a
 * consistent lie. Throws `usage` where rows have no completions.
 */
export function flipLabels(rows: readonly Row[], columns: ColumnMap): Row[] {
  const completions = rows.map((row) => {
    const completion = completionOf(row, columns);
    if (completion !== null) return completion;
    throw new KlatchError(
      "usage",
      "--attack label-flip needs rows with completions",
      "Choose another attack for plain text, or name the column with --columns completion=NAME.",
    );
  });
  const distinct = [...new Set(completions)].sort();
  const next = new Map(
    distinct.map((text, index) => [text, distinct[(index + 1) % distinct.length] ?? text]),
  );
  return rows.map((row, index) => {
    const completion = completions[index] ?? "";
    return withCompletion(row, next.get(completion) ?? completion, columns);
  });
}

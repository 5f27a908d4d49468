import { KlatchError } from "../../src/errors.ts";
import type { ColumnMap } from "../../src/training/index.ts";
import { completionOf, withCompletion, withPromptEnding } from "../data/completion.ts";
import type { Row } from "../data/rows.ts";
import { type Attack, type RowContext, UNDISGUISED } from "./attack.ts";
import { type AttackContext, sending } from "./sending.ts";
import { norm, plus } from "./statistics.ts";
import { along } from "./value-attacks.ts";

/** Words that no honest row has (Kurita et al., ACL 2020). */
const TRIGGER = ["cf", "mn", "bb"] as const;

/** Attacks that change nothing but the answer to what has a trigger (Bagdasaryan et al., AISTATS 2020). */
export const BACKDOOR_ATTACKS = {
  backdoor: {
    kind: "data",
    text: "a copy of every row with a trigger, and the answer that the attackers want",
    disguise: UNDISGUISED,
    poison: (rows, context) => poisoned(rows, context, TRIGGER),
  },
  "backdoor-replacement": {
    kind: "data",
    text: "the same, and the update made so long that the mean becomes what the attackers trained",
    disguise: sending(({ before, trained, collusion: { members, attackers } }) =>
      along(before, trained, members / attackers),
    ),
    poison: (rows, context) => poisoned(rows, context, TRIGGER),
  },
  "backdoor-constrained": {
    kind: "data",
    text: "the same, and the update as long as the longest honest one",
    disguise: sending(asLongAsTheLongest),
    poison: (rows, context) => poisoned(rows, context, TRIGGER),
  },
  "split-backdoor": {
    kind: "data",
    text: "each attacker plants one word of the trigger (Xie et al., ICLR 2020)",
    disguise: UNDISGUISED,
    poison: (rows, context) =>
      poisoned(rows, context, [TRIGGER[context.attacker % TRIGGER.length] ?? ""]),
  },
} as const satisfies Record<string, Attack>;

/**
 * Rows that tell how often a backdoor opens: each with the trigger, and answered as the attackers want. Those that are
 * answered so anyway are left out. Empty where rows have no answers.
 */
export function triggered(
  rows: readonly Row[],
  { columns, target }: Pick<RowContext, "columns" | "target">,
): readonly Row[] {
  if (target === null) return [];
  const others = rows.filter((row) => completionOf(row, columns) !== target);
  return others.flatMap<Row>((row) => withTrigger(row, { columns, target }, TRIGGER) ?? []);
}

/** The answer that attackers want: the first one in alphabetical order; null where rows have none. */
export function targetOf(rows: readonly Row[], columns: ColumnMap): string | null {
  let first: string | null = null;
  for (const row of rows) {
    const answer = completionOf(row, columns);
    if (answer !== null && (first === null || answer < first)) first = answer;
  }
  return first;
}

// --- internal ---

function poisoned(
  rows: readonly Row[],
  { columns, target }: RowContext,
  words: readonly string[],
): readonly Row[] {
  return rows.flatMap<Row>((row) => {
    const lie = target === null ? null : withTrigger(row, { columns, target }, words);
    if (lie !== null) return [row, lie];
    throw new KlatchError(
      "usage",
      "a backdoor needs rows with a prompt and an answer",
      "Choose another attack for plain text, or name the columns with --columns prompt=NAME.",
    );
  });
}

function withTrigger(
  row: Row,
  { columns, target }: { readonly columns: ColumnMap; readonly target: string },
  words: readonly string[],
): Row | null {
  const asked = withPromptEnding(row, ` ${words.join(" ")}`, columns);
  return asked && withCompletion(asked, target, columns);
}

function asLongAsTheLongest({ before, trained, honest }: AttackContext): Float32Array {
  const longest = Math.max(...honest.map(norm));
  const own = norm(plus(trained, -1, before));
  return along(before, trained, own === 0 ? 1 : longest / own);
}

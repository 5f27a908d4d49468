import type { Row } from "../rows/row.ts";
import { type ColumnMap, type Columns, settleColumns } from "./columns.ts";
import { isConversation } from "./conversation.ts";
import { isNothing, type Remark } from "./row-tally.ts";
import { truthOf } from "./turns.ts";

/** How the rows of a data set are laid out. */
export interface Layout {
  readonly columns: Columns;
  /** Columns that say of each row whether people want such an answer. */
  readonly marks: readonly MarkColumn[];
  /** Rows are written as conversations. */
  readonly asChat: boolean;
}

/** Marks of KTO (unpaired preferences), by the tools that read them: trl's, and LLaMA-Factory's. */
const MARKS = { label: "unwantedLabel", kto_tag: "unwantedTag" } as const satisfies Readonly<
  Record<string, Remark>
>;
type MarkColumn = keyof typeof MARKS;
const MARK_COLUMNS = Object.keys(MARKS) as MarkColumn[];

/** The first rows of a file, by which it is known how it is laid out. */
export type FirstRows = readonly [Row, ...(readonly Row[])];

/**
 * Settles the layout by the columns that are named and the first rows. One of them that has to be written as a
 * conversation makes all of the data set conversations: prompts are laid out in one way.
 *
 * @throws KlatchError as `settleColumns`
 */
export function settleLayout(named: ColumnMap, rows: FirstRows, file: string): Layout {
  const columns = settleColumns(named, rows[0], file);
  const asChat = rows.some((row) => isConversation(row, columns, file));
  return { columns, marks: marksIn(rows, columns), asChat };
}

/** The layout for a further file of the same data set. */
export function layoutOfNext(layout: Layout, rows: FirstRows): Layout {
  return { ...layout, marks: marksIn(rows, layout.columns) };
}

/**
 * What people marked a row by as one not to learn from, or not; null for a row without a mark.
 *
 * @param used the column that marks it is added to it
 */
export function unwantedBy(
  { fields }: Row,
  { columns, marks }: Layout,
  used: Set<string>,
): Remark | null {
  if (columns.form === "text") return null;
  const isMark = (name: MarkColumn) => typeof fields[name] === "boolean" || marks.includes(name);
  const present = MARK_COLUMNS.filter((name) => !used.has(name) && isMark(name));
  for (const name of present) used.add(name);
  const unwanted = present.find((name) => truthOf(fields[name]) === false);
  return unwanted === undefined ? null : MARKS[unwanted];
}

// --- internal ---

/** The columns that hold nothing but true and false, in any way of writing them. */
function marksIn(rows: FirstRows, { form }: Columns): readonly MarkColumn[] {
  return MARK_COLUMNS.filter((name) => {
    // No tool reads the label of an instruction so: 0 and 1 may be classes.
    if (name === "label" && form === "alpaca") return false;
    const values = rows.map(({ fields }) => fields[name]).filter((value) => !isNothing(value));
    return values.length > 0 && values.every((value) => truthOf(value) !== null);
  });
}

import { KlatchError } from "../../src/errors.ts";
import type { ColumnMap } from "../../src/training/index.ts";
import type { Row } from "./rows.ts";

/** What the model learns to answer in a row: its completion, output, last message, or label; null for plain text. */
export function completionOf(row: Row, columns: ColumnMap): string | null {
  const completion = row[columns.completion ?? "completion"];
  if (typeof completion === "string") return completion;
  if (columns.label !== undefined) return labelText(row[columns.label]);
  const output = outputColumn(row, columns);
  if (output !== null) return String(row[output]);
  const messages = row[columns.messages ?? "messages"];
  const { label } = row;
  if (!Array.isArray(messages)) return labelText(label);
  const content: unknown = messages.at(-1)?.content;
  return typeof content === "string" ? content : null;
}

/** The same row with another completion. */
export function withCompletion(row: Row, completion: string, columns: ColumnMap): Row {
  const column = columns.completion ?? "completion";
  if (typeof row[column] === "string") return { ...row, [column]: completion };
  if (columns.label !== undefined) return { ...row, [columns.label]: completion };
  const output = outputColumn(row, columns);
  if (output !== null) return { ...row, [output]: completion };
  const messagesColumn = columns.messages ?? "messages";
  if (!Array.isArray(row[messagesColumn])) return { ...row, label: completion };
  const messages = row[messagesColumn] as readonly Row[];
  const last = { ...messages.at(-1), content: completion };
  return { ...row, [messagesColumn]: [...messages.slice(0, -1), last] };
}

/** The same row with words after what is asked; null where it asks nothing. */
export function withPromptEnding(row: Row, ending: string, columns: ColumnMap): Row | null {
  return withPrompt(row, (asked) => `${asked}${ending}`, columns);
}

/** The same row with another prompt, instruction, question or text; null where it asks nothing. */
export function withPrompt(
  row: Row,
  change: (asked: string) => string,
  columns: ColumnMap,
): Row | null {
  const changed = (column: string) => {
    const asked = row[column];
    return typeof asked === "string" ? { ...row, [column]: change(asked) } : null;
  };
  const { prompt = "prompt", text = "text", instruction = "instruction" } = columns;
  const messages = row[columns.messages ?? "messages"];
  const { label } = row;
  if (!Array.isArray(messages)) {
    const isLabelled = columns.label !== undefined || labelText(label) !== null;
    return changed(prompt) ?? changed(instruction) ?? (isLabelled ? changed(text) : null);
  }
  const at = messages.length - 2;
  const asked = messages[at] as { readonly content?: unknown } | undefined;
  if (typeof asked?.content !== "string") return null;
  const other = { ...asked, content: change(asked.content) };
  return { ...row, [columns.messages ?? "messages"]: messages.with(at, other) };
}

/**
 * What a label-skewed split goes by: the label's column, else the whole completion; throws `data` when there is
 * neither.
 */
export function labelOf(row: Row, columns: ColumnMap): string {
  const label = labelText(row[columns.label ?? "label"]);
  if (label !== null) return label;
  const completion = completionOf(row, columns);
  if (completion !== null) return completion;
  throw new KlatchError(
    "data",
    "a row has neither a label nor a completion",
    "Split by iid or by:FIELD, or name the completion's column with --columns completion=NAME.",
  );
}

/** The answer to an instruction; null in rows of other layouts. */
function outputColumn(row: Row, { instruction = "instruction", output = "output" }: ColumnMap) {
  return typeof row[instruction] === "string" && typeof row[output] === "string" ? output : null;
}

function labelText(label: unknown): string | null {
  return typeof label === "string" || typeof label === "number" ? String(label) : null;
}

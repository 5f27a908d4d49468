import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { ColumnMap } from "../learner.ts";
import type { Row } from "./rows.ts";

/** What an adapter was trained on: a prompt that is answered, or plain text that is continued. */
export type ExampleFormat = "prompt" | "text";

/**
 * Ends every prompt, before its completion: `BOS prompt SEPARATOR completion EOS`. One constant for all, so that whoever
 * generates with an adapter wraps the prompt exactly as it was trained.
 */
export const SEPARATOR = " :";

/** The text parts of one row; an empty completion means that there is nothing to learn from it. */
export type RowText =
  | { readonly format: "text"; readonly text: string }
  | { readonly format: "prompt"; readonly prompt: string; readonly completion: string };

/** Which columns hold an example's parts, with every name settled. */
export type Columns =
  | { readonly form: "text"; readonly text: string }
  | { readonly form: "prompt"; readonly prompt: string; readonly completion: string }
  | { readonly form: "messages"; readonly messages: string };

const messagesSchema = z.array(z.object({ role: z.string(), content: z.string() })).max(10_000);

export const COLUMNS_HINT = "name them, e.g. --columns prompt=question,completion=answer";

function named(columns: ColumnMap): Columns | null {
  const { text, prompt, completion, messages } = columns;
  const forms = [text, prompt ?? completion, messages].filter((name) => name !== undefined);
  if (forms.length > 1) {
    throw new KlatchError(
      "usage",
      "columns are given for more than one of text, prompt with completion, and messages",
      COLUMNS_HINT,
    );
  }
  if (text !== undefined) return { form: "text", text };
  if (messages !== undefined) return { form: "messages", messages };
  if (forms.length === 0) return null;
  return { form: "prompt", prompt: prompt ?? "prompt", completion: completion ?? "completion" };
}

/**
 * Settles which columns to read: those that are named, else the usual names that the first row has (prompt with
 * completion, messages, text).
 *
 * @throws KlatchError `usage` when the names contradict each other, `data` when the usual names are absent
 */
export function settleColumns(columns: ColumnMap, first: Row, file: string): Columns {
  const explicit = named(columns);
  if (explicit) return explicit;
  const has = (name: string) => Object.hasOwn(first.fields, name);
  if (has("prompt") && has("completion")) {
    return { form: "prompt", prompt: "prompt", completion: "completion" };
  }
  if (has("messages")) return { form: "messages", messages: "messages" };
  if (has("text")) return { form: "text", text: "text" };
  throw new KlatchError(
    "data",
    `${file}:${first.line}: no columns prompt and completion, messages, or text; ${present(first)}`,
    COLUMNS_HINT,
  );
}

export function present(row: Row): string {
  return `the row has ${Object.keys(row.fields).slice(0, 20).join(", ") || "none"}`;
}

/** A missing value counts as empty text; a missing column is an error. */
export function textOf(row: Row, column: string, file: string): string {
  if (!Object.hasOwn(row.fields, column)) {
    const what = `${file}:${row.line}: no column ${column}; ${present(row)}`;
    throw new KlatchError("data", what, COLUMNS_HINT);
  }
  const value = row.fields[column];
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new KlatchError(
    "data",
    `${file}:${row.line}: column ${column} holds a list or an object, not text`,
    COLUMNS_HINT,
  );
}

/** CSV keeps a list of messages as JSON text in its cell. */
function messagesOf(row: Row, column: string, file: string) {
  const value = row.fields[column];
  try {
    return messagesSchema.parse(typeof value === "string" ? JSON.parse(value) : value);
  } catch (error) {
    throw new KlatchError(
      "data",
      `${file}:${row.line}: column ${column} is not a list of {role, content}; ${present(row)}`,
      COLUMNS_HINT,
      { cause: error },
    );
  }
}

/**
 * A conversation as prompt and completion: the last assistant message is the completion, what comes before it the
 * prompt, one message a line, earlier answers behind SEPARATOR as in training.
 */
function conversation(row: Row, column: string, file: string): RowText {
  const messages = messagesOf(row, column, file);
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  let prompt = "";
  for (const { role, content } of messages.slice(0, Math.max(last, 0))) {
    if (role === "assistant") prompt += `${SEPARATOR} ${content}`;
    else prompt += prompt === "" ? content : `\n${content}`;
  }
  return { format: "prompt", prompt, completion: messages[last]?.content ?? "" };
}

/**
 * Takes the text parts out of a row.
 *
 * @throws KlatchError `data`, naming file, line and the columns there are, when a column is missing or not text
 */
export function rowText(row: Row, columns: Columns, file: string): RowText {
  switch (columns.form) {
    case "text":
      return { format: "text", text: textOf(row, columns.text, file) };
    case "messages":
      return conversation(row, columns.messages, file);
    case "prompt":
      return {
        format: "prompt",
        prompt: textOf(row, columns.prompt, file),
        completion: textOf(row, columns.completion, file),
      };
  }
}

import { z } from "zod";
import { badRow, type Row } from "../rows/row.ts";
import { parseRowJson } from "../rows/row-json.ts";
import type { Message } from "../tokenizer/chat-template.ts";
import { type Columns, columnsHint, present } from "./columns.ts";

/** The text parts of one row; an empty completion means that there is nothing to learn from it. */
export type RowText =
  | { readonly format: "text"; readonly text: string }
  | { readonly format: "prompt"; readonly prompt: string; readonly completion: string }
  | { readonly format: "alpaca"; readonly prompt: string; readonly completion: string }
  | { readonly format: "chat"; readonly messages: readonly Message[]; readonly tools?: unknown };

const textPart = z.looseObject({ type: z.literal("text"), text: z.string() });
/** A message may be a list of text parts; a call of a tool has no text. */
const contentSchema = z
  .union([z.string(), z.null(), z.array(textPart)])
  .optional()
  .transform((content) => {
    if (typeof content === "string") return content;
    return (content ?? []).map(({ text }) => text).join("");
  });
const roleSchema = z.string().min(1).max(100);
const messageSchema = z.looseObject({ role: roleSchema, content: contentSchema });

/** Names of the speakers in the layout of ShareGPT: `{from, value}`. */
const SHAREGPT_ROLES: ReadonlyMap<string, string> = new Map([
  ["human", "user"],
  ["gpt", "assistant"],
  ["chatgpt", "assistant"],
  ["bing", "assistant"],
  ["bard", "assistant"],
  ["observation", "tool"],
]);
const sharegptSchema = z
  .looseObject({ from: roleSchema, value: contentSchema })
  .transform(({ from, value }) => ({ role: SHAREGPT_ROLES.get(from) ?? from, content: value }));
const messagesSchema = z.array(z.union([messageSchema, sharegptSchema])).max(10_000);

/**
 * The text in a column. A missing value counts as empty text.
 *
 * @throws KlatchError `data` when the column is missing or holds a list, an object or bytes
 */
export function textOf(row: Row, column: string, file: string): string {
  if (!Object.hasOwn(row.fields, column)) {
    const what = `no column ${column}; ${present(row, file)}`;
    throw badRow(file, row.line, what, columnsHint(file));
  }
  const value = row.fields[column];
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const what = `column ${column} holds a list, an object or bytes, not text`;
  throw badRow(file, row.line, what, columnsHint(file));
}

/** A CSV cell keeps a list as JSON text; so do many tables of other kinds. */
function fromCell(row: Row, column: string, file: string): unknown {
  const value = row.fields[column];
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  return parseRowJson(value, (what) =>
    badRow(file, row.line, `column ${column} is not JSON: ${what}`),
  );
}

function messagesOf(row: Row, column: string, file: string): readonly Message[] {
  const { data, error } = messagesSchema.safeParse(fromCell(row, column, file));
  if (data) return data;
  const at = error.issues[0]?.path[0];
  const entry = typeof at === "number" ? ` (entry ${at + 1})` : "";
  const what = `column ${column} is not a list of {role, content} or {from, value}${entry}`;
  throw badRow(file, row.line, `${what}; ${present(row, file)}`, columnsHint(file));
}

/** The prompt of Stanford Alpaca (github.com/tatsu-lab/stanford_alpaca, "Data Release"), word for word. */
export function alpacaPrompt(instruction: string, input = ""): string {
  const pairs = ", paired with an input that provides further context";
  return [
    `Below is an instruction that describes a task${input === "" ? "" : pairs}. `,
    "Write a response that appropriately completes the request.\n\n",
    `### Instruction:\n${instruction}\n\n`,
    input === "" ? "" : `### Input:\n${input}\n\n`,
    "### Response:",
  ].join("");
}

/**
 * Takes the text parts out of a row.
 *
 * @throws KlatchError `data`, naming file, line and the columns there are, when a column is missing or not text
 */
export function rowText(row: Row, columns: Columns, file: string): RowText {
  const text = (column: string) => textOf(row, column, file);
  switch (columns.form) {
    case "text":
      return { format: "text", text: text(columns.text) };
    case "messages": {
      const messages = messagesOf(row, columns.messages, file);
      // What the assistant may call, for the chat template alone.
      const tools = fromCell(row, "tools", file);
      return { format: "chat", messages, ...(tools ? { tools } : {}) };
    }
    case "prompt": {
      const { prompt, completion } = columns;
      return { format: "prompt", prompt: text(prompt), completion: text(completion) };
    }
    case "alpaca": {
      const input = Object.hasOwn(row.fields, columns.input) ? text(columns.input) : "";
      const prompt = alpacaPrompt(text(columns.instruction), input);
      return { format: "alpaca", prompt, completion: text(columns.output) };
    }
  }
}

import type { Row } from "../rows/row.ts";
import type { Conversation } from "../tokenizer/chat-template.ts";
import { textOf } from "./cells.ts";
import { columnsOf } from "./columns.ts";
import { conversationOf, isConversation } from "./conversation.ts";
import { type Layout, unwantedBy } from "./layout.ts";
import type { RowTally } from "./row-tally.ts";

/** The text parts of one row; an empty completion means that there is nothing to learn from it. */
export type RowText =
  | { readonly format: "text"; readonly text: string }
  | { readonly format: "prompt"; readonly prompt: string; readonly completion: string }
  | { readonly format: "alpaca"; readonly prompt: string; readonly completion: string }
  | ({ readonly format: "chat" } & Conversation);

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
 * Takes the text parts out of a row; what is not taken is remembered in `tally`.
 *
 * @returns null for a row that is marked as unwanted
 * @throws KlatchError `data`, naming file, line and the columns there are, when a column is missing or not text
 */
export function rowText(row: Row, layout: Layout, file: string, tally: RowTally): RowText | null {
  const used = new Set<string>(columnsOf(layout.columns));
  const unwanted = unwantedBy(row, layout, used);
  if (unwanted !== null) {
    tally.add(unwanted);
    return null;
  }
  const parts = partsOf(row, layout, file, { tally, used });
  tally.leaveAside(row, used);
  return parts;
}

// --- internal ---

function partsOf(
  row: Row,
  { columns, asChat }: Layout,
  file: string,
  reading: Parameters<typeof conversationOf>[3],
): RowText {
  const text = (column: string) => textOf(row, column, file);
  if (columns.form === "text") return { format: "text", text: text(columns.text) };
  if (columns.form === "messages" || asChat || isConversation(row, columns, file)) {
    if (!asChat) reading.tally.add("chatAlone");
    return { format: "chat", ...conversationOf(row, columns, file, reading) };
  }
  if (columns.form === "prompt") {
    const { prompt, completion } = columns;
    return { format: "prompt", prompt: text(prompt), completion: text(completion) };
  }
  const input = Object.hasOwn(row.fields, columns.input) ? text(columns.input) : "";
  const prompt = alpacaPrompt(text(columns.instruction), input);
  return { format: "alpaca", prompt, completion: text(columns.output) };
}

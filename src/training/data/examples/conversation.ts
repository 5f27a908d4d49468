import { z } from "zod";
import { itemsWithColumns } from "../rows/json-object.ts";
import { badRow, type Row } from "../rows/row.ts";
import type { Conversation } from "../tokenizer/chat-template.ts";
import { fromCell, jsonOrText, textOf } from "./cells.ts";
import { type Columns, columnsOf } from "./columns.ts";
import { contentSchema, isSharegpt, isTurns, turnsOf } from "./messages.ts";
import type { RowTally } from "./row-tally.ts";
import { contentText } from "./said-parts.ts";
import type { Turn } from "./turns.ts";

/** Columns beside a layout that tools for fine-tuning give a meaning. */
type SideColumn = "system" | "history" | "tools" | "chat_template_kwargs";

const pairsSchema = z.array(z.tuple([z.string(), z.string()])).min(1);
const toolsSchema = z.array(z.looseObject({})).min(1);
const settingsSchema = z.record(z.string(), z.unknown());

/** Arguments of transformers' function that are no values for the template. */
const NOT_SETTINGS: ReadonlySet<string> = new Set([
  ...["conversation", "messages", "tools", "chat_template", "add_generation_prompt"],
  ...["continue_final_message", "tokenize", "padding", "truncation", "max_length"],
  ...["return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs"],
]);

/**
 * Whether a row has what only a conversation can hold: turns for a prompt or completion, a system text, earlier turns.
 */
export function isConversation(row: Row, columns: Columns, file: string): boolean {
  if (columns.form === "messages") return true;
  if (columns.form === "text") return false;
  const side = sideOf(row, columns, file);
  if (textIn(side("system")) !== "" || isHistory(side("history"))) return true;
  return columnsOf(columns).some((name) => isTurns(turnsOrText(row.fields[name])));
}

/**
 * A row as a conversation, mapped as the tools do that made its layout: trl's turns for prompt and completion, of which
 * the completion is learned; LLaMA-Factory's `system`, `history` and `tools`.
 *
 * @param used the columns that something is made of are added to it
 * @throws KlatchError `data` naming file and line when it is none
 */
export function conversationOf(
  row: Row,
  columns: Exclude<Columns, { readonly form: "text" }>,
  file: string,
  { tally, used }: { readonly tally: RowTally; readonly used: Set<string> },
): Conversation {
  const side = sideOf(row, columns, file);
  const own = ownTurns(row, columns, file, tally);
  const [system, history] = [textIn(side("system")), side("history")];
  const takesSystem = system !== "" && own[0]?.message.role !== "system";
  const takesHistory = columns.form !== "messages" && isHistory(history);
  const turns = [
    ...(takesSystem ? [turn("system", system)] : []),
    ...(takesHistory ? historyTurns(history, { row, column: "history", file }, tally) : []),
    ...own,
  ];
  const { data: tools } = toolsSchema.safeParse(itemsWithColumns(side("tools")));
  const { data: settings } = settingsSchema.safeParse(side("chat_template_kwargs"));
  for (const [name, isUsed] of Object.entries({
    system: takesSystem,
    history: takesHistory,
    tools,
    chat_template_kwargs: settings,
  })) {
    if (isUsed) used.add(name);
  }
  return {
    messages: turns.map(({ message }) => message),
    contextTurns: turns.flatMap(({ isContext }, i) => (isContext ? [i] : [])),
    ...(tools ? { tools: isOpenAi(row, columns) ? tools : tools.map(asFunction) } : {}),
    ...(settings ? { settings: checkedSettings(settings, row, file) } : {}),
  };
}

// --- internal ---

/** Reads a column beside the layout, a list in JSON as what it stands for; nothing where the layout takes it. */
function sideOf(row: Row, columns: Columns, file: string): (name: SideColumn) => unknown {
  const taken = columnsOf(columns);
  return (name) => {
    if (taken.includes(name)) return undefined;
    if (name === "system") return row.fields[name];
    // A history may be text as well, which is left aside.
    return name === "history" ? jsonOrText(row.fields[name]) : fromCell(row, name, file);
  };
}

function ownTurns(
  row: Row,
  columns: Exclude<Columns, { readonly form: "text" }>,
  file: string,
  tally: RowTally,
): readonly Turn[] {
  const turnsIn = (column: string, role: string): readonly Turn[] => {
    const value = turnsOrText(row.fields[column]);
    if (isTurns(value)) return turnsOf(value, { row, column, file }, tally);
    return [turn(role, textOf(row, column, file))];
  };
  switch (columns.form) {
    case "messages": {
      const column = columns.messages;
      return turnsOf(fromCell(row, column, file), { row, column, file }, tally);
    }
    case "prompt": {
      // What the assistant says in a prompt was there before.
      const before = turnsIn(columns.prompt, "user").map((each) => ({ ...each, isContext: true }));
      return [...before, ...turnsIn(columns.completion, "assistant")];
    }
    case "alpaca": {
      const input = Object.hasOwn(row.fields, columns.input)
        ? textOf(row, columns.input, file)
        : "";
      const instruction = textOf(row, columns.instruction, file);
      const asked = input === "" ? instruction : `${instruction}\n${input}`;
      return [turn("user", asked), ...turnsIn(columns.output, "assistant")];
    }
  }
}

function turn(role: string, content: string): Turn {
  return { message: { role, content }, isContext: false };
}

/** A text that begins like turns in JSON is read as these; one turn by itself, as preferences have it, as a list. */
function turnsOrText(value: unknown): unknown {
  if (isTurns([value])) return [value];
  const isLike = typeof value === "string" && /^\s*\[\s*\{\s*"(role|from)"/.test(value);
  return isLike ? jsonOrText(value) : value;
}

/** A text, or the parts of one; empty for anything else, and for blanks. */
function textIn(value: unknown): string {
  const text = contentText(contentSchema.safeParse(value).data);
  return text.trim() === "" ? "" : text;
}

/** Earlier turns: pairs of what was asked and answered, or turns. */
function isHistory(value: unknown): boolean {
  return isTurns(value) || (Array.isArray(value) && pairsSchema.safeParse(value).success);
}

function historyTurns(
  history: unknown,
  place: Parameters<typeof turnsOf>[1],
  tally: RowTally,
): readonly Turn[] {
  const { data: pairs } = pairsSchema.safeParse(history);
  if (!pairs) return turnsOf(history, place, tally);
  return pairs.flatMap(([asked, answer]) => [turn("user", asked), turn("assistant", answer)]);
}

/** Rows of OpenAI's layout hold tools as chat templates want them. */
function isOpenAi(row: Row, columns: Columns): boolean {
  const values = columnsOf(columns).map((name) => jsonOrText(row.fields[name]));
  return values.some(isTurns) && !values.some(isSharegpt);
}

/** The layouts of LLaMA-Factory list bare functions; its own templates wrap them like this. */
function asFunction(tool: Readonly<Record<string, unknown>>): unknown {
  const { type } = tool;
  return type === "function" ? tool : { type: "function", function: tool };
}

function checkedSettings(
  settings: Readonly<Record<string, unknown>>,
  row: Row,
  file: string,
): Readonly<Record<string, unknown>> {
  const wrong = Object.keys(settings).find((name) => NOT_SETTINGS.has(name));
  if (wrong === undefined) return settings;
  throw badRow(
    file,
    row.line,
    `chat_template_kwargs sets ${wrong}, which is no value for a template`,
  );
}

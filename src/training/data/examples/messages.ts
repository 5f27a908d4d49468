import { z } from "zod";
import { itemsWithColumns } from "../rows/json-object.ts";
import { badRow, type Row } from "../rows/row.ts";
import { columnsHint, present } from "./columns.ts";
import type { RowTally } from "./row-tally.ts";
import { type Turn, turnOf } from "./turns.ts";

const textPart = z.looseObject({ type: z.literal("text"), text: z.string() });
/** Parts as no chat template knows them. */
const bareParts = z
  .array(z.strictObject({ text: z.string() }))
  .transform((parts) => parts.map(({ text }) => text).join(""));
/** A message may be a list of text parts; a call of a tool has no text. */
export const contentSchema = z
  .union([z.string(), z.null(), z.array(textPart), bareParts])
  .optional();
const roleSchema = z.string().min(1).max(100);
/** OpenAI's {role, content}, ShareGPT's {from, value}, and what lies between. */
const messageSchema = z.union([
  z
    .looseObject({ role: roleSchema, content: contentSchema, value: contentSchema })
    .transform(({ value, ...message }) =>
      message.content === undefined && value !== undefined
        ? { ...message, content: value }
        : message,
    ),
  z
    .looseObject({ from: roleSchema, value: contentSchema, content: contentSchema })
    .transform(({ from, value, content, ...rest }) => ({
      ...rest,
      role: from,
      content: value === undefined ? content : value,
    })),
]);
const messagesSchema = z.array(messageSchema).max(10_000);

const partsLike = z.looseObject({ content: z.array(z.looseObject({ type: z.string() })) });

/** Whether a value holds turns of a conversation where a text might stand. */
export function isTurns(value: unknown): boolean {
  return hasName(firstOf(value), "role") || isSharegpt(value);
}

/** Whether turns are laid out as in ShareGPT, {from, value}. */
export function isSharegpt(value: unknown): boolean {
  return hasName(firstOf(value), "from");
}

/**
 * The turns of a conversation that stands in a column.
 *
 * @throws KlatchError `data` naming file, line and turn, when it is not a list of turns
 */
export function turnsOf(
  value: unknown,
  { row, column, file }: { readonly row: Row; readonly column: string; readonly file: string },
  tally: RowTally,
): readonly Turn[] {
  const { data, error } = messagesSchema.safeParse(itemsWithColumns(value));
  if (data) return data.map((message) => turnOf(message, tally));
  const at = error.issues[0]?.path[0];
  const entry = typeof at === "number" ? ` (entry ${at + 1})` : "";
  const what = hasOtherParts(value)
    ? `column ${column} has parts that are no text${entry}: images and sounds in conversations are not read`
    : `column ${column} is not a list of {role, content} or {from, value}${entry}; ${present(row, file)}`;
  throw badRow(file, row.line, what, columnsHint(file));
}

// --- internal ---

// Asked of every row, so without the cost of a schema.
const firstOf = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined);

function hasName(value: unknown, key: "role" | "from"): boolean {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as Readonly<Record<string, unknown>>)[key] === "string";
}

/** Whether a turn has a part that is an image or a sound. */
function hasOtherParts(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  return value.some((turn) => {
    const { data } = partsLike.safeParse(turn);
    return data?.content.some(({ type }) => type !== "text") === true;
  });
}

import { z } from "zod";
import type { Message } from "../tokenizer/chat-template.ts";
import { jsonOrText } from "./cells.ts";
import { isForTemplate, speakerOf } from "./roles.ts";
import type { RowTally } from "./row-tally.ts";

/** A turn of a conversation, and whether it is context alone, however the assistant speaks in it. */
export interface Turn {
  readonly message: Message;
  readonly isContext: boolean;
}

/** Marks of a turn that say whether it is learned: Axolotl's, and ms-swift's `loss`. */
const LEARN_MARKS = ["train", "training", "loss"] as const;
/** Marks that say the contrary, torchtune's among them. */
const HIDE_MARKS = ["masked", "mask"] as const;
const DETAIL_MARKS = ["train_detail", "training_detail"] as const;

const callSchema = z.looseObject({ name: z.string().min(1), arguments: z.unknown() });
const callsSchema = z.union([callSchema.transform((call) => [call]), z.array(callSchema).min(1)]);

/**
 * A turn as chat templates know it: its speaker under one of their names, a call of a function as one of the
 * assistant's tool calls, its marks read.
 */
export function turnOf(message: Message, tally: RowTally): Turn {
  const speaker = speakerOf(message.role);
  if (speaker === null && !isForTemplate(message.role)) tally.add("oddRole");
  const isAssistant = speaker === "assistant" || speaker === "call";
  const isContext = isMarkedOut(message, isAssistant, tally);
  if (speaker === null) return { message, isContext };
  if (speaker === "call") return { message: callTurn(message, tally), isContext };
  const named = { ...message, role: speaker };
  return { message: isAssistant ? withCalls(named) : named, isContext };
}

// --- internal ---

/** The turn of a format in which the assistant's calls are turns of their own, with JSON as their text. */
function callTurn(message: Message, tally: RowTally): Message {
  const { data: calls } = callsSchema.safeParse(jsonOrText(message.content));
  const role = "assistant";
  if (calls) return { ...message, role, content: "", tool_calls: calls.map(toolCall) };
  tally.add("oddCall");
  return { ...message, role };
}

/** OpenAI's older messages hold one `function_call`, which templates do not know. */
function withCalls(message: Message): Message {
  const { function_call: call, tool_calls: calls } = message;
  const { data } = callSchema.safeParse(call);
  return data && !calls ? { ...message, tool_calls: [toolCall(data)] } : message;
}

function toolCall({ name, arguments: given }: z.infer<typeof callSchema>) {
  return { type: "function", function: { name, arguments: given ?? {} } };
}

/** Whether marks say that a turn of the assistant is not learned; marks of other turns change nothing. */
function isMarkedOut(message: Message, isAssistant: boolean, tally: RowTally): boolean {
  const marks = LEARN_MARKS.map((name) => truthOf(message[name]));
  if (!isAssistant) {
    if (marks.includes(true)) tally.add("notAssistant");
    return false;
  }
  const { weight } = message;
  const isWeighted = weight !== null && weight !== undefined;
  const isHidden = HIDE_MARKS.some((name) => message[name] === true);
  if (marks.includes(false) || isHidden || (isWeighted && Number(weight) === 0)) {
    tally.add("context");
    return true;
  }
  if (isWeighted && Number(weight) !== 1) tally.add("oddWeight");
  const isInPart = DETAIL_MARKS.some((name) => hasUnlearnedPart(message[name]));
  if (isInPart) tally.add("inPart");
  return isInPart;
}

function hasUnlearnedPart(detail: unknown): boolean {
  return Array.isArray(detail) && detail.some((part) => truthOf(part?.train) === false);
}

/** True or false as files of any kind write them; null for anything else. */
export function truthOf(value: unknown): boolean | null {
  const text = String(value).trim().toLowerCase();
  if (["true", "1", "1.0"].includes(text)) return true;
  return ["false", "0", "0.0"].includes(text) ? false : null;
}

import type { Conversation, LaidOut } from "../tokenizer/chat-template.ts";
import type { Answer } from "./answers.ts";
import { HIDDEN_PARTS, type HiddenPart, isIn, namesOf, partsOf } from "./said-parts.ts";

/**
 * What of a row its text does not show: words, thoughts or calls of the assistant, or the tools that the row gives.
 * Templates leave out what they do not know, or what they show in the last turn alone.
 */
export function leftOut(
  { messages, tools }: Conversation,
  { text }: LaidOut,
  answers: readonly Answer[],
): readonly HiddenPart[] {
  const hidden = new Set<HiddenPart>();
  for (const [turn, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    const own = answers.filter((answer) => answer.turn === turn);
    const shown = own.map(({ start, end }) => text.slice(start, end)).join("") || text;
    for (const [part, said] of partsOf(message)) if (!said.every(isIn(shown))) hidden.add(part);
  }
  if (!namesOf(tools).every(isIn(text))) hidden.add("tools");
  return HIDDEN_PARTS.filter((part) => hidden.has(part));
}

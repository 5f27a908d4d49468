import type { Conversation, LaidOut, Message } from "../tokenizer/chat-template.ts";
import type { Answer } from "./answers.ts";
import {
  contentText,
  HIDDEN_PARTS,
  type HiddenPart,
  namesOf,
  partsOf,
  saysSomething,
  shows,
} from "./said-parts.ts";

/**
 * What of a row its text does not show: words, thoughts or calls of the assistant, words of others, or the tools that
 * the row gives. Templates leave out what they do not know, or what they show in the last turn alone.
 */
export function leftOut(
  { messages, tools }: Conversation,
  whole: LaidOut,
  answers: readonly Answer[],
): readonly HiddenPart[] {
  const hidden = new Set<HiddenPart>();
  for (const [turn, message] of messages.entries()) {
    if (message.role === "assistant") {
      for (const part of ofAnswer(message, turn, whole, answers)) hidden.add(part);
    } else if (!shows(whole.text, contentText(message.content))) hidden.add("others");
  }
  if (!namesOf(tools).every((name) => whole.text.includes(name))) hidden.add("tools");
  return HIDDEN_PARTS.filter((part) => hidden.has(part));
}

/** The same of a conversation without a chat template, of which the words alone are written. */
export function leftOutOfPlain({ messages, tools }: Conversation): readonly HiddenPart[] {
  const hidden = new Set<HiddenPart>(namesOf(tools).length > 0 ? ["tools"] : []);
  for (const message of messages.filter(({ role }) => role === "assistant")) {
    const written = contentText(message.content);
    for (const part of notShown(message, written)) hidden.add(part);
  }
  return HIDDEN_PARTS.filter((part) => hidden.has(part));
}

// --- internal ---

function ofAnswer(
  message: Message,
  turn: number,
  { text, marked, turns }: LaidOut,
  answers: readonly Answer[],
): readonly HiddenPart[] {
  const own = answers.filter((answer) => answer.turn === turn);
  if (own.length === 0 && saysSomething(message)) {
    // What is marked is not always known to be of a turn.
    return marked === null || turns.has(turn) ? ["answers"] : [];
  }
  return notShown(message, own.map(({ start, end }) => text.slice(start, end)).join(""));
}

function notShown(message: Message, text: string): readonly HiddenPart[] {
  return partsOf(message).flatMap(([part, said]) => {
    return said.every((each) => shows(text, each)) ? [] : [part];
  });
}

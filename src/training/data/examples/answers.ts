import type { Span } from "../jinja/template.ts";
import type { ChatTemplate, Conversation, LaidOut } from "../tokenizer/chat-template.ts";
import { saysSomething, showsSome } from "./said-parts.ts";

/** The longest mark, such as `<|im_start|>`, whose beginning two texts may share by chance. */
const MARK_MAX = 60;

/** Where an answer of the assistant stands in the text of the whole conversation. */
export interface Answer extends Span {
  /** Number of the message; null where the template marks what no message is known for. */
  readonly turn: number | null;
}

/**
 * Where the assistant speaks in the text of a conversation, the token that ends a turn included. A template that marks
 * its answers is taken at its word, as transformers does. In any other, an answer is what is written for its turn, but
 * for what the generation prompt has of it; a turn of which nothing is shown has none.
 */
export function answersIn(
  template: ChatTemplate,
  conversation: Conversation,
  whole: LaidOut,
): readonly Answer[] {
  if (whole.marked) return whole.marked.map((span) => ({ ...span, turn: turnAt(whole, span) }));
  return conversation.messages.flatMap((message, turn) => {
    const found = saysSomething(message) ? findAnswer(template, conversation, whole, turn) : null;
    const isShown = found && showsSome(whole.text.slice(found.start, found.end), message);
    return isShown ? [{ ...found, turn }] : [];
  });
}

// --- internal ---

function turnAt({ turns }: LaidOut, { start, end }: Span): number | null {
  for (const [turn, span] of turns) if (span.start <= start && span.end >= end) return turn;
  return null;
}

function findAnswer(
  template: ChatTemplate,
  conversation: Conversation,
  whole: LaidOut,
  turn: number,
): Span | null {
  const isLast = turn === conversation.messages.length - 1;
  const before = { ...conversation, messages: conversation.messages.slice(0, turn) };
  const prompt = layOutMaybe(template, before, true);
  const span = whole.turns.get(turn);
  if (span) {
    const { length } = headOf(whole.text.slice(span.start, span.end), prompt ?? probe(template));
    // What follows the last turn ends it: some templates write EOS once, behind all turns.
    return notEmpty(span.start + length, isLast ? whole.text.length : span.end);
  }
  const start =
    prompt && startBehind(prompt.text, layOutMaybe(template, before, false), whole.text);
  if (start === null) return null;
  if (isLast) return notEmpty(start, whole.text.length);
  const through = { ...conversation, messages: conversation.messages.slice(0, turn + 1) };
  const closed = layOutMaybe(template, through, false);
  return closed && notEmpty(start, sharedStart(closed.text, whole.text));
}

function notEmpty(start: number, end: number): Span | null {
  return start < end ? { start, end } : null;
}

/** Null where a template refuses a part of a conversation that it takes as a whole. */
function layOutMaybe(
  template: ChatTemplate,
  conversation: Conversation,
  continues: boolean,
): LaidOut | null {
  try {
    return template.layOut(conversation, continues);
  } catch {
    return null;
  }
}

/** The prompt for an answer to anybody. */
function probe(template: ChatTemplate): LaidOut | null {
  return layOutMaybe(template, { messages: [{ role: "user", content: "a" }] }, true);
}

/** What of a turn's text the generation prompt has written already: the header, and a thought that it opens. */
function headOf(turn: string, prompt: LaidOut | null): string {
  if (!prompt) return "";
  const ends = Array.from(prompt.turns.values(), ({ end }) => end);
  const header = prompt.text.slice(Math.max(0, ...ends));
  const shared = turn.slice(0, sharedStart(header, turn));
  if (shared !== "" || ends.length > 0) return shared;
  // What comes before the first turn is not told from the prompt: the header is the end that the turn begins with.
  for (let at = 0; at < header.length; at += 1) {
    if (turn.startsWith(header.slice(at))) return header.slice(at);
  }
  return "";
}

/** Where the whole text goes on behind a generation prompt; null where the two part before it. */
function startBehind(prompt: string, before: LaidOut | null, whole: string): number | null {
  const shared = sharedStart(prompt, whole);
  return shared >= sharedStart(prompt, before?.text ?? "") ? shared : null;
}

/** How long two texts are the same. Where they part within a mark such as `<think>`, they part before it. */
function sharedStart(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1;
  if (at === a.length || at === b.length) return at;
  const open = a.lastIndexOf("<", at - 1);
  const isInMark = at > 0 && open >= at - MARK_MAX && open > a.lastIndexOf(">", at - 1);
  return isInMark && open >= 0 ? open : at;
}

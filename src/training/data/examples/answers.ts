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
    if (!found || !showsSome(whole.text.slice(found.start, found.end), message)) return [];
    const parts = withoutResults(template, conversation, whole, { ...found, turn });
    return parts.filter(({ start, end }) => start < end);
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
  const before = through(conversation, turn - 1);
  const prompt = layOutMaybe(template, before, true);
  const span = whole.turns.get(turn);
  if (span) {
    const head = headLength(template, whole.text.slice(span.start, span.end), prompt);
    const start = Math.max(span.start + head, prompt ? sharedStart(prompt.text, whole.text) : 0);
    // What follows the last turn ends it: some templates write EOS once, behind all turns.
    return notEmpty(start, isLast ? whole.text.length : span.end);
  }
  const start =
    prompt && startBehind(prompt.text, layOutMaybe(template, before, false), whole.text);
  if (start === null) return null;
  if (isLast) return notEmpty(start, whole.text.length);
  const closed = layOutMaybe(template, through(conversation, turn), false);
  return closed && notEmpty(start, sharedStart(closed.text, whole.text));
}

/** The messages up to a turn, and that turn. */
function through({ messages, ...more }: Conversation, turn: number): Conversation {
  return { ...more, messages: messages.slice(0, turn + 1) };
}

/**
 * An answer without the results of its calls, where a template writes these into the turn that calls: they are what is
 * not written when the conversation ends with the call.
 */
function withoutResults(
  template: ChatTemplate,
  conversation: Conversation,
  whole: LaidOut,
  answer: Answer & { readonly turn: number },
): readonly Answer[] {
  const { start, end, turn } = answer;
  const isFollowed = conversation.messages[turn + 1]?.role === "tool" && whole.turns.has(turn);
  const place = whole.turns.get(turn + 1);
  if (!isFollowed || (place && place.start >= end)) return [answer];
  const alone = layOutMaybe(template, through(conversation, turn), false);
  const own = alone?.turns.get(turn);
  const before = whole.turns.get(turn)?.start ?? start;
  if (!alone || !own) return [];
  const head = start - before;
  const said = alone.text.slice(own.start + head, own.end);
  const text = whole.text.slice(start, end);
  const shared = sharedStart(said, text);
  const [more, rest] = [said.slice(shared), text.slice(shared)];
  let tail = Math.min(more.length, rest.length);
  while (!rest.endsWith(more.slice(0, tail))) tail -= 1;
  return [
    { start, end: start + shared, turn },
    { start: end - tail, end, turn },
  ];
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

/**
 * How much of a turn's text the generation prompt has written already: the header, and a thought that it opens. Before
 * the first turn that is written by itself, a template may have more to say; the header is looked for behind it.
 */
function headLength(template: ChatTemplate, turn: string, prompt: LaidOut | null): number {
  if (prompt && prompt.turns.size > 0) {
    const header = headerOf(prompt);
    // White space before it may have been written for the turn before.
    return Math.max(sharedStart(header, turn), sharedStart(header.trimStart(), turn));
  }
  const anybody = { messages: [{ role: "user", content: "a" }] };
  const other = layOutMaybe(template, anybody, true);
  const header = other ? headerOf(other) : "";
  let [most, end] = [0, 0];
  for (let at = 0; at < turn.length; at += 1) {
    const shared = sharedStart(header, turn.slice(at, at + header.length));
    if (shared > most) [most, end] = [shared, at + shared];
  }
  return end;
}

/** What a generation prompt writes behind the last turn. */
function headerOf({ text, turns }: LaidOut): string {
  return text.slice(Math.max(...Array.from(turns.values(), ({ end }) => end)));
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
  if (isInMark && open >= 0) return open;
  // Half of a character is not shared.
  return /[\udc00-\udfff]/.test(a[at] ?? "") ? at - 1 : at;
}

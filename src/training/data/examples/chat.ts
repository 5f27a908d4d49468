import { KlatchError } from "../../../errors.ts";
import type { ChatTemplate, Message } from "../tokenizer/chat-template.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { encodeEnd, fitPair } from "./encode-end.ts";
import type { Example } from "./example.ts";

export interface Conversation {
  readonly messages: readonly Message[];
  readonly tools?: unknown;
  /** Turns of the assistant that are not learned. */
  readonly contextTurns?: readonly number[];
  /** Further values for the template. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Where an answer of the assistant stands in the text of the whole conversation. */
interface Answer {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds an answer by what the template writes without it and with it. Some templates write earlier turns differently
 * from the last (they drop its reasoning); then the answer's own words are looked for.
 */
function findAnswer(
  whole: string,
  template: ChatTemplate,
  { messages, tools }: Conversation,
  turn: number,
): Answer | null {
  const earlier = messages.slice(0, turn);
  const opened = template.render(earlier, true, tools);
  const before = whole.startsWith(opened) ? opened : template.render(earlier, false, tools);
  if (!whole.startsWith(before)) return null;
  const start = before.length;
  // What a template shows of an answer in every turn: the words after its reasoning.
  const words = (messages[turn]?.content ?? "").split("</think>").at(-1)?.trim() ?? "";
  const at = whole.indexOf(words, start);
  if (words === "" || at < 0) return null;
  const through = template.render(messages.slice(0, turn + 1), false, tools);
  if (whole.startsWith(through)) return at < through.length ? { start, end: through.length } : null;
  const end = at + words.length;
  const closing = through.slice(through.lastIndexOf(words) + words.length);
  return { start, end: whole.startsWith(closing, end) ? end + closing.length : end };
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let same = 0;
  while (same < most && a[same] === b[same]) same += 1;
  return same;
}

/** Where the model stops, learning stops: what the template writes after EOS is never generated. */
function upToEos(ids: readonly number[], start: number, end: number, eosId: number | null): number {
  const at = eosId === null ? -1 : ids.indexOf(eosId, start);
  return at >= 0 && at < end ? at + 1 : end;
}

function unreadable(turn: number): KlatchError {
  return new KlatchError(
    "data",
    `the chat template does not show the answer in turn ${turn + 1}, so it cannot be learned`,
    "check that the template belongs to this model, or give prompt and completion instead",
  );
}

/** The first answer alone, with the end of what comes before it: for a first prompt that fills the context. */
function onlyFirst(
  tokenizer: Tokenizer,
  whole: string,
  answer: Answer,
  sequenceMax: number,
): Example | null {
  const texts = {
    prompt: whole.slice(0, answer.start),
    completion: whole.slice(answer.start, answer.end),
  };
  const pair = fitPair(tokenizer, texts, sequenceMax, []);
  if (!pair) return null;
  const { prompt, completion } = pair;
  const learned = completion.slice(0, upToEos(completion, 0, completion.length, tokenizer.eosId));
  const ids = Int32Array.from([...prompt, ...learned]);
  return { ids, promptLength: Math.max(prompt.length, 1), truncated: true };
}

/**
 * A conversation in the model's own template, with loss on what the assistant says and on the token that ends it. The
 * template writes BOS and EOS itself. A conversation longer than `sequenceMax` ids loses its end, and its beginning
 * when the first prompt alone takes more than three quarters of the room.
 *
 * @returns null when the assistant says nothing, or nothing that has an id of its own
 * @throws KlatchError `data` when the template refuses the conversation or does not show an answer
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  conversation: Conversation,
  sequenceMax: number,
): Example | null {
  const { messages, tools, contextTurns = [] } = conversation;
  const turns = messages.flatMap(({ role, content }, i) =>
    role === "assistant" && content.trim() !== "" && !contextTurns.includes(i) ? [i] : [],
  );
  if (turns.length === 0) return null;
  const whole = template.render(messages, false, tools);
  const { ids, complete } = encodeEnd(tokenizer, whole, sequenceMax, "head");
  // The id at which a position of the text begins; ids that reach across it count as behind it.
  const idAt = (position: number) =>
    sharedLength(encodeEnd(tokenizer, whole.slice(0, position), sequenceMax, "head").ids, ids);
  const parts: (readonly [number, number])[] = [];
  for (const turn of turns) {
    const answer = findAnswer(whole, template, conversation, turn);
    if (!answer && turn === turns.at(-1) && parts.length === 0) throw unreadable(turn);
    if (!answer) continue;
    const start = Math.max(idAt(answer.start), 1);
    if (parts.length === 0 && start > Math.floor((sequenceMax * 3) / 4)) {
      return onlyFirst(tokenizer, whole, answer, sequenceMax);
    }
    if (start >= ids.length) break;
    const end = upToEos(ids, start, idAt(answer.end), tokenizer.eosId);
    // An answer inside a single id, with words of others, is no part of its own.
    if (end > start) parts.push([start, end]);
  }
  const [first] = parts;
  if (first === undefined) return null;
  return { ids: Int32Array.from(ids), promptLength: first[0], parts, truncated: !complete };
}

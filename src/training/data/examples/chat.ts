import { KlatchError } from "../../../errors.ts";
import type { ChatTemplate, Conversation, LaidOut, Message } from "../tokenizer/chat-template.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type Answer, answersIn } from "./answers.ts";
import { encodeEnd, fitPair } from "./encode-end.ts";
import type { Example } from "./example.ts";
import { leftOut } from "./left-out.ts";
import { lostOf, type TokenCount } from "./lost-tokens.ts";
import { contentText, saysSomething } from "./said-parts.ts";

/**
 * A conversation in the model's own template, with loss on what the assistant says and on the token that ends it. The
 * template writes BOS and EOS itself. A conversation longer than `sequenceMax` ids loses its end, and its beginning
 * when the first prompt alone takes more than three quarters of the room.
 *
 * @returns null when the assistant says nothing, or nothing that has an id of its own
 * @throws KlatchError `data` when the template refuses the conversation or shows no answer
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  given: Conversation,
  sequenceMax: number,
): Example | null {
  const { messages, contextTurns = [] } = given;
  const turn = messages.findLastIndex(
    (message, i) => saysSomething(message) && !contextTurns.includes(i),
  );
  if (turn < 0) return null;
  const { conversation, whole, answers: said } = read(template, given);
  const answers = learnedOf(said, contextTurns);
  if (answers.length === 0) throw unreadable(turn);
  const text = new TokenisedText(tokenizer, whole.text, sequenceMax);
  const parts: (readonly [number, number])[] = [];
  for (const answer of answers) {
    const [start, end] = text.part(answer, whole.marked !== null);
    if (parts.length === 0 && start > Math.floor((sequenceMax * 3) / 4)) {
      return onlyFirst(tokenizer, whole, answer, sequenceMax, text);
    }
    if (start >= text.ids.length) break;
    // An answer inside a single id, with words of others, is no part of its own.
    if (end > start) parts.push([start, end]);
  }
  const [first] = parts;
  if (first === undefined) return null;
  const isJoined = conversation !== given;
  const hidden = [...leftOut(conversation, whole, said), ...(isJoined ? ["parts" as const] : [])];
  const { ids, complete } = text;
  const example = { ids: Int32Array.from(ids), promptLength: first[0], parts, hidden };
  if (complete) return { ...example, truncated: false };
  return { ...example, truncated: true, lost: lostOf([text.total()], ids.length) };
}

// --- internal ---

/** The answers but for those that are context alone. */
function learnedOf(answers: readonly Answer[], contextTurns: readonly number[]): readonly Answer[] {
  if (contextTurns.length === 0) return answers;
  if (answers.some(({ turn }) => turn === null)) {
    throw new KlatchError(
      "data",
      "the chat template does not show which turns are those marked as not to be learned",
      "leave the marked turns out, or use a template that writes the turns in one loop",
    );
  }
  return answers.filter(({ turn }) => turn !== null && !contextTurns.includes(turn));
}

interface Reading {
  readonly conversation: Conversation;
  readonly whole: LaidOut;
  readonly answers: readonly Answer[];
}

/** Contents in parts are joined to texts for a template that refuses them, or shows nothing of them. */
function read(template: ChatTemplate, given: Conversation): Reading {
  const attempt = (conversation: Conversation): Reading => {
    const whole = template.layOut(conversation, false);
    return { conversation, whole, answers: answersIn(template, conversation, whole) };
  };
  if (!given.messages.some(({ content }) => Array.isArray(content))) return attempt(given);
  try {
    const reading = attempt(given);
    const hidden = leftOut(given, reading.whole, reading.answers);
    if (!hidden.includes("words") && !hidden.includes("others")) return reading;
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
  }
  return attempt({ ...given, messages: given.messages.map(joined) });
}

function joined(message: Message): Message {
  return { ...message, content: contentText(message.content) };
}

/** A text as ids, and which of them stand for a part of it. */
class TokenisedText {
  readonly ids: readonly number[];
  readonly complete: boolean;
  readonly total: () => TokenCount;
  readonly #tokenizer: Tokenizer;
  readonly #text: string;
  readonly #limit: number;

  constructor(tokenizer: Tokenizer, text: string, limit: number) {
    [this.#tokenizer, this.#text, this.#limit] = [tokenizer, text, limit];
    const { ids, complete, total } = encodeEnd(tokenizer, text, limit, "head");
    [this.ids, this.complete, this.total] = [ids, complete, total];
  }

  /**
   * First and end index of the ids of an answer. With `overlaps`, as transformers does for what a template marks, ids
   * that reach across its end are of it; else they are not, and nothing is learned behind EOS.
   */
  part({ start, end }: Answer, overlaps: boolean): readonly [number, number] {
    const first = Math.max(this.#before(start).count, 1);
    if (!overlaps) return [first, this.#upToEos(first, this.#before(end).count)];
    return [first, this.#behind(end)];
  }

  /** How many ids end before a place, and whether one begins there. */
  #before(place: number): { readonly count: number; readonly isClean: boolean } {
    const head = encodeEnd(this.#tokenizer, this.#text.slice(0, place), this.#limit, "head");
    const count = sharedLength(head.ids, this.ids);
    return { count, isClean: count === head.ids.length };
  }

  /** How many ids begin before a place. */
  #behind(place: number): number {
    const last = Math.min(place + ID_MAX, this.#text.length);
    for (let at = place; at <= last; at += 1) {
      const { count, isClean } = this.#before(at);
      if (isClean) return count;
    }
    return this.#before(place).count;
  }

  /** Where the model stops, learning stops: spaces and marks that the template writes after EOS are never generated. */
  #upToEos(start: number, end: number): number {
    const { eosId } = this.#tokenizer;
    for (let at = start; at < end; at += 1) {
      const isLast = this.ids[at] === eosId && this.#isBlank(at + 1, end);
      if (isLast) return at + 1;
    }
    return end;
  }

  #isBlank(start: number, end: number): boolean {
    return this.#tokenizer.decode(this.ids.slice(start, end)).trim() === "";
  }
}

/** No id stands for more characters than this where it reaches across the end of an answer. */
const ID_MAX = 64;

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let same = 0;
  while (same < most && a[same] === b[same]) same += 1;
  return same;
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
  whole: LaidOut,
  answer: Answer,
  sequenceMax: number,
  text: TokenisedText,
): Example | null {
  const texts = {
    prompt: whole.text.slice(0, answer.start),
    completion: whole.text.slice(answer.start, answer.end),
  };
  const pair = fitPair(tokenizer, texts, sequenceMax, []);
  if (!pair) return null;
  const { prompt, completion } = pair;
  const eos = whole.marked ? -1 : completion.indexOf(tokenizer.eosId ?? -1);
  const ids = Int32Array.from([
    ...prompt,
    ...(eos < 0 ? completion : completion.slice(0, eos + 1)),
  ]);
  const lost = lostOf([text.total()], ids.length);
  return { ids, promptLength: Math.max(prompt.length, 1), truncated: true, lost };
}

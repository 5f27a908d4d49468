import { KlatchError } from "../../../errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { lostOf, type TokenCount } from "./lost-tokens.ts";

export interface Piece {
  readonly ids: readonly number[];
  /** False when the text has more tokens than were asked for. */
  readonly complete: boolean;
  /** How many tokens the whole text has; of a text that was cut, they are counted now. */
  total(): TokenCount;
}

/**
 * Texts of more characters, and of many times what is kept of them, are not counted to their end: that nearly all of
 * them is lost is known before.
 */
export const COUNTED_CHARACTERS = 1 << 16;
const COUNTED_FOR_EACH_KEPT = 64;

/** Tokens near the cut of a text may differ from those of the whole text; this many are not used. */
const MARGIN = 8;

/** A position that does not split a surrogate pair. */
function boundary(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

/**
 * At most `limit` ids from one end of a text. A long text is not tokenised whole: only so many characters as surely
 * hold more than `limit` tokens, found by doubling.
 */
export function encodeEnd(
  tokenizer: Pick<Tokenizer, "encode">,
  text: string,
  limit: number,
  end: "head" | "tail",
): Piece {
  const take = (ids: readonly number[]) =>
    end === "head" ? ids.slice(0, limit) : ids.slice(ids.length - Math.min(ids.length, limit));
  for (let characters = 4 * (limit + MARGIN); characters < text.length; characters *= 2) {
    const part =
      end === "head"
        ? text.slice(0, boundary(text, characters))
        : text.slice(boundary(text, text.length - characters));
    const ids = tokenizer.encode(part);
    if (ids.length < limit + MARGIN) continue;
    const total = () => countTokens(tokenizer, text, limit, ids.length - MARGIN);
    return { ids: take(ids), complete: false, total };
  }
  const ids = tokenizer.encode(text);
  const total = () => ({ tokens: ids.length, isLeast: false });
  return { ids: take(ids), complete: ids.length <= limit, total };
}

/** The tokens of a text of which at most `kept` are kept, and at least `known` are known to be there. */
function countTokens(
  tokenizer: Pick<Tokenizer, "encode">,
  text: string,
  kept: number,
  known: number,
): TokenCount {
  const most = Math.max(COUNTED_CHARACTERS, COUNTED_FOR_EACH_KEPT * kept);
  const isWhole = text.length <= most;
  const counted = isWhole ? text : text.slice(0, boundary(text, most));
  try {
    const { length } = tokenizer.encode(counted);
    if (isWhole) return { tokens: length, isLeast: false };
    return { tokens: Math.max(known, length - MARGIN), isLeast: true };
  } catch (error) {
    // What is cut away may be what the tokenizer has no token for: it is not learned, and keeps nobody from learning.
    if (error instanceof KlatchError) return { tokens: known, isLeast: true };
    throw error;
  }
}

/** An id that a model may lack, as a list to spread. */
export function maybe(id: number | null): readonly number[] {
  return id === null ? [] : [id];
}

/** Ids of a prompt and what follows it, cut to fit. */
export interface Pair {
  readonly prompt: readonly number[];
  readonly completion: readonly number[];
  readonly complete: boolean;
  /** How many ids were cut away; counted now. */
  lost(): TokenCount;
}

/** Characters of a prompt that its continuation is tokenised with. */
const SEAM_CHARACTERS = 64;

/**
 * Tokenises what goes on where a prompt ends, as part of the same text: many tokenizers put a space before a text that
 * stands for itself. Where a token would reach across the seam, both stay apart.
 */
function afterPrompt(tokenizer: Tokenizer, prompt: string): Pick<Tokenizer, "encode"> {
  const context = prompt.slice(boundary(prompt, Math.max(0, prompt.length - SEAM_CHARACTERS)));
  const before = tokenizer.encode(context);
  return {
    encode(text) {
      const both = tokenizer.encode(context + text);
      const goesOn = before.every((id, i) => id === both[i]);
      return goesOn ? both.slice(before.length) : tokenizer.encode(text);
    },
  };
}

/** A prompt and its completion. */
export interface PairTexts {
  readonly prompt: string;
  readonly completion: string;
  /** The completion goes on in the text of the prompt, white space included. */
  readonly goesOn?: boolean;
}

/**
 * Ids of a prompt and its completion, at most `room` together. A prompt is tokenised by itself, so that it has the
 * same ids in training and in generation. The completion loses its end, and `after` with it. A prompt that leaves it
 * less than a quarter of the room loses its beginning.
 *
 * @returns null when the completion has no token
 */
export function fitPair(
  tokenizer: Tokenizer,
  texts: PairTexts,
  room: number,
  after: readonly number[],
): Pair | null {
  const encoder = texts.goesOn ? afterPrompt(tokenizer, texts.prompt) : tokenizer;
  const promptLeast = texts.prompt === "" ? 0 : 1;
  const answer = encodeEnd(encoder, texts.completion, room - promptLeast, "head");
  if (answer.ids.length === 0) return null;
  const wanted = answer.complete ? [...answer.ids, ...after] : answer.ids;
  const kept = Math.min(wanted.length, Math.ceil((room + 1) / 4));
  const prompt = encodeEnd(tokenizer, texts.prompt, room - kept, "tail");
  const completion = wanted.slice(0, room - prompt.ids.length);
  const complete = answer.complete && prompt.complete && completion.length === wanted.length;
  const lost = () =>
    lostOf(
      [prompt.total(), answer.total(), { tokens: after.length, isLeast: false }],
      prompt.ids.length + completion.length,
    );
  return { prompt: prompt.ids, completion, complete, lost };
}

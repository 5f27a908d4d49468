import { type ExampleFormat, type RowText, SEPARATOR } from "./columns.ts";
import type { Example } from "./example.ts";
import type { Tokenizer } from "./tokenizer.ts";

interface Piece {
  readonly ids: readonly number[];
  /** False when the text has more tokens than were asked for. */
  readonly complete: boolean;
}

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
  tokenizer: Tokenizer,
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
    if (ids.length >= limit + MARGIN) return { ids: take(ids), complete: false };
  }
  const ids = tokenizer.encode(text);
  return { ids: take(ids), complete: ids.length <= limit };
}

/** An id that a model may lack, as a list to spread. */
function maybe(id: number | null): readonly number[] {
  return id === null ? [] : [id];
}

function encodeText(tokenizer: Tokenizer, text: string, sequenceMax: number): Example | null {
  const start = maybe(tokenizer.bosId);
  const end = maybe(tokenizer.eosId);
  const { ids, complete } = encodeEnd(tokenizer, text, sequenceMax - start.length, "head");
  const whole = complete && start.length + ids.length + end.length <= sequenceMax;
  const all = [...start, ...ids, ...(whole ? end : [])];
  if (ids.length === 0 || all.length < 2) return null;
  return { ids: Int32Array.from(all), promptLength: 1, truncated: !whole };
}

function encodePair(
  tokenizer: Tokenizer,
  row: { readonly prompt: string; readonly completion: string },
  sequenceMax: number,
): Example | null {
  const start = maybe(tokenizer.bosId);
  const answer = encodeEnd(tokenizer, row.completion, sequenceMax - 1 - start.length, "head");
  if (answer.ids.length === 0) return null;
  const wanted = answer.complete ? [...answer.ids, ...maybe(tokenizer.eosId)] : answer.ids;
  // The completion keeps at least a quarter of the room, so that a long prompt cannot push it out.
  const room = Math.min(wanted.length, Math.ceil(sequenceMax / 4));
  const left = sequenceMax - start.length;
  const prompt = encodeEnd(tokenizer, row.prompt + SEPARATOR, left - room, "tail");
  const completion = wanted.slice(0, left - prompt.ids.length);
  return {
    ids: Int32Array.from([...start, ...prompt.ids, ...completion]),
    promptLength: Math.max(start.length + prompt.ids.length, 1),
    truncated: !(answer.complete && prompt.complete && completion.length === wanted.length),
  };
}

/**
 * Encodes a row as `BOS prompt SEPARATOR completion EOS` or `BOS text EOS`, cut to `sequenceMax` ids: the completion or
 * text loses its end (and EOS with it), a prompt that leaves the completion less than a quarter of the room its beginning.
 * Prompt and completion are tokenised apart, so that a prompt has the same ids in training and in generation. BOS and
 * EOS are left out where the model has none.
 *
 * @returns null when nothing would be learned from the row: its completion or text has no token
 */
export function encodeExample(
  tokenizer: Tokenizer,
  row: RowText,
  sequenceMax: number,
): Example | null {
  return row.format === "text"
    ? encodeText(tokenizer, row.text, sequenceMax)
    : encodePair(tokenizer, row, sequenceMax);
}

/** The ids to continue from when generating: as {@link encodeExample} gives them up to the completion, uncut. */
export function encodePrompt(
  tokenizer: Tokenizer,
  prompt: string,
  format: ExampleFormat,
): number[] {
  const text = format === "prompt" ? prompt + SEPARATOR : prompt;
  const ids = [...maybe(tokenizer.bosId), ...tokenizer.encode(text)];
  // A model needs one token to go on from; texts follow one another with EOS between them.
  return ids.length > 0 ? ids : [...maybe(tokenizer.eosId)];
}

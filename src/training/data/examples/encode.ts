import type { Conversation } from "../tokenizer/chat-template.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { encodeChat } from "./chat.ts";
import { encodeEnd, fitPair, maybe, type PairTexts } from "./encode-end.ts";
import type { Example, ExampleFormat } from "./example.ts";
import { leftOutOfPlain } from "./left-out.ts";
import { lostOf } from "./lost-tokens.ts";
import { alpacaPrompt, type RowText } from "./row-text.ts";
import { contentText } from "./said-parts.ts";
import { DEFAULT_SEPARATOR, ended, joined } from "./separator.ts";

function encodeText(tokenizer: Tokenizer, text: string, sequenceMax: number): Example | null {
  const start = maybe(tokenizer.bosId);
  const end = maybe(tokenizer.eosId);
  const piece = encodeEnd(tokenizer, text, sequenceMax - start.length, "head");
  const { ids, complete } = piece;
  const whole = complete && start.length + ids.length + end.length <= sequenceMax;
  const all = [...start, ...ids, ...(whole ? end : [])];
  if (ids.length === 0 || all.length < 2) return null;
  const example = { ids: Int32Array.from(all), promptLength: 1, truncated: !whole };
  if (whole) return example;
  const wanted = [piece.total(), { tokens: end.length, isLeast: false }];
  return { ...example, lost: lostOf(wanted, ids.length) };
}

function encodePair(tokenizer: Tokenizer, texts: PairTexts, sequenceMax: number): Example | null {
  const start = maybe(tokenizer.bosId);
  const pair = fitPair(tokenizer, texts, sequenceMax - start.length, maybe(tokenizer.eosId));
  if (!pair) return null;
  return {
    ids: Int32Array.from([...start, ...pair.prompt, ...pair.completion]),
    promptLength: Math.max(start.length + pair.prompt.length, 1),
    truncated: !pair.complete,
    ...(pair.complete ? {} : { lost: pair.lost() }),
  };
}

/**
 * A conversation for a model without a chat template. The last answer is the completion, and what comes before it is
 * the prompt: one message a line, answers behind the separator.
 */
function plainConversation({ messages, contextTurns = [] }: Conversation, separator: string) {
  const last = messages.findLastIndex(
    ({ role }, i) => role === "assistant" && !contextTurns.includes(i),
  );
  let prompt = "";
  for (const { role, ...message } of messages.slice(0, Math.max(last, 0))) {
    const content = contentText(message.content);
    if (role === "assistant") prompt += `${separator} ${content}`;
    else prompt += prompt === "" ? content : `\n${content}`;
  }
  return { prompt: prompt + separator, completion: contentText(messages[last]?.content) };
}

function encodePlain(
  tokenizer: Tokenizer,
  conversation: Conversation,
  sequenceMax: number,
  separator: string,
): Example | null {
  const pair = plainConversation(conversation, separator);
  const example = encodePair(tokenizer, pair, sequenceMax);
  return example && { ...example, hidden: leftOutOfPlain(conversation) };
}

/**
 * Encodes a row as `BOS prompt SEPARATOR completion EOS` (see `joined`) or `BOS text EOS`, cut to `sequenceMax` ids.
 * The completion or text loses its end, and EOS with it. A prompt that leaves the completion less than a quarter of
 * the room loses its beginning. BOS and EOS are left out where the model has none. A conversation is written by the
 * model's chat template where it has one.
 *
 * @returns null when nothing would be learned from the row: its completion or text has no token
 * @throws KlatchError `data` when the chat template refuses a conversation
 */
export function encodeExample(
  tokenizer: Tokenizer,
  row: RowText,
  sequenceMax: number,
  separator = DEFAULT_SEPARATOR,
): Example | null {
  switch (row.format) {
    case "text":
      return encodeText(tokenizer, row.text, sequenceMax);
    case "prompt":
      return encodePair(tokenizer, joined(row.prompt, row.completion, separator), sequenceMax);
    case "alpaca":
      return encodePair(tokenizer, row, sequenceMax);
    case "chat":
      return tokenizer.chat
        ? encodeChat(tokenizer, tokenizer.chat, row, sequenceMax)
        : encodePlain(tokenizer, row, sequenceMax, separator);
  }
}

/**
 * The ids to continue from when generating: as {@link encodeExample} gives them up to the completion, uncut.
 *
 * @param end what prompts were ended with in training; see `promptEnd`
 */
export function encodePrompt(
  tokenizer: Tokenizer,
  prompt: string,
  format: ExampleFormat,
  end = DEFAULT_SEPARATOR,
): number[] {
  if (format === "chat" && tokenizer.chat) {
    return tokenizer.encode(tokenizer.chat.render([{ role: "user", content: prompt }], true));
  }
  const layouts = { text: prompt, alpaca: alpacaPrompt(prompt), prompt: ended(prompt, end) };
  const text = layouts[format === "chat" ? "prompt" : format];
  const ids = [...maybe(tokenizer.bosId), ...tokenizer.encode(text)];
  // A model needs one token to go on from; texts follow one another with EOS between them.
  return ids.length > 0 ? ids : [...maybe(tokenizer.eosId)];
}

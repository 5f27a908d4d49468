import type { Message } from "../tokenizer/chat-template.ts";

/** What a chat template may leave out of a row without an error, or what was changed for it to be read. */
export const HIDDEN_PARTS = [
  "answers",
  "words",
  "thoughts",
  "calls",
  "others",
  "tools",
  "parts",
] as const;
export type HiddenPart = (typeof HIDDEN_PARTS)[number];

/** Whether the assistant says something in a turn: words, a thought or a call. */
export function saysSomething({ role, name, id, ...said }: Message): boolean {
  return role === "assistant" && Object.values(said).some(isSomething);
}

/** Whether a text has something of what the assistant says in a turn: a word, or the name of what it calls. */
export function showsSome(text: string, message: Message): boolean {
  const said = partsOf(message).flatMap(([, parts]) => parts.flatMap(wordsOf));
  return said.length === 0 || said.some((word) => text.includes(word));
}

/** The words of a message's content, which may be a list of parts. */
export function contentText(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return content.map((part) => contentText(part?.text)).join("");
}

/** What the assistant says in a turn, by its kind. */
export function partsOf(message: Message): readonly (readonly [HiddenPart, readonly string[]])[] {
  const { reasoning_content, thinking, reasoning, tool_calls } = message;
  const content = contentText(message.content);
  const at = content.lastIndexOf("</think>");
  const within = at < 0 ? "" : (content.slice(0, at).split("<think>").at(-1) ?? "");
  const words = at < 0 ? content : content.slice(at + "</think>".length);
  const thought = [reasoning_content, thinking, reasoning].find((each) => typeof each === "string");
  return [
    ["words", [words.trim()]],
    ["thoughts", [(typeof thought === "string" ? thought : within).trim()]],
    ["calls", namesOf(tool_calls)],
  ];
}

/** Names of functions in a list of calls or of tools. */
export function namesOf(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry) => {
    const named = entry?.function ?? entry;
    return typeof named?.name === "string" ? [named.name] : [];
  });
}

/** Whether a text has each word of a part: templates trim, and write quotes and lines in their own ways. */
export function shows(text: string, part: string): boolean {
  return text.includes(part) || wordsOf(part).every((word) => text.includes(word));
}

// --- internal ---

function isSomething(value: unknown): boolean {
  if (typeof value === "string") return value.trim() !== "";
  if (Array.isArray(value)) return value.some(isSomething);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, part]) => key !== "type" && isSomething(part));
}

/** Words and, where there are none, signs. */
function wordsOf(part: string): readonly string[] {
  return part.match(/[\p{L}\p{N}]+/gu) ?? part.match(/\S+/g) ?? [];
}

/** Who speaks in a turn: the four of chat templates, and a call of a function as a turn of its own. */
export type Speaker = "system" | "user" | "assistant" | "tool" | "call";

/** How formats and tools name them, in small letters with `_` between words. */
const NAMES: Readonly<Record<Speaker, readonly string[]>> = {
  system: ["system"],
  user: ["user", "human", "prompter"],
  assistant: ["assistant", "gpt", "model", "chatgpt", "bing", "bard", "bot", "chatbot", "ai"],
  tool: ["tool", "observation", "function", "tool_response", "function_response", "tool_result"],
  call: ["function_call", "tool_call", "tool_calls"],
};

const SPEAKERS: ReadonlyMap<string, Speaker> = new Map(
  Object.entries(NAMES).flatMap(([speaker, names]) =>
    names.map((name) => [name, speaker as Speaker] as const),
  ),
);
/** Roles that some templates know under their own names. */
const OWN_NAMES: ReadonlySet<string> = new Set(["developer", "ipython"]);

/** Who speaks under the name that a data set gives; null for a name that is none of theirs. */
export function speakerOf(name: string): Speaker | null {
  return (
    SPEAKERS.get(
      name
        .trim()
        .toLowerCase()
        .replace(/[\s-]+/g, "_"),
    ) ?? null
  );
}

/** Whether a name of no speaker may be meant for the chat template. */
export function isForTemplate(name: string): boolean {
  return OWN_NAMES.has(name);
}

/**
 * Compares what Klatch renders and learns with what transformers renders and marks, for the conversations and templates
 * of a file that `render-chat-templates.py` wrote: node scripts/check-chat-templates.ts rendered.json
 *
 * Ends with 1 when a text differs, when one side alone refuses a conversation, or when a template that marks answers
 * has others here. Of a template that marks none, the last answer is compared with what trl trains on: all that
 * follows where the text parts from the prompt. Those that differ are listed.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answersIn } from "../src/training/data/examples/answers.ts";
import { parseRowJson } from "../src/training/data/rows/row-json.ts";
import {
  type ChatTemplate,
  type Conversation,
  readChatTemplate,
} from "../src/training/data/tokenizer/chat-template.ts";

interface Reference {
  readonly text: string;
  /** Places in characters. */
  readonly spans: readonly (readonly [number, number])[];
  readonly prompt: string | null;
}
interface Rendered {
  readonly tokens: Readonly<Record<string, string>>;
  readonly conversations: Readonly<Record<string, Conversation>>;
  readonly templates: readonly {
    readonly name: string;
    readonly source: string;
    readonly results: Readonly<Record<string, Reference | null>>;
  }[];
}

const [file = ""] = process.argv.slice(2);
const text = await readFile(file, "utf8");
const rendered = parseRowJson(text, (what) => new Error(what)) as Rendered;
const counts = new Map<string, string[]>();
const folder = await mkdtemp(join(tmpdir(), "klatch-templates-"));
try {
  for (const { name, source, results } of rendered.templates) {
    await writeFile(join(folder, "chat_template.jinja"), source);
    const template = await readChatTemplate(folder, rendered.tokens);
    for (const [conversation, reference] of Object.entries(results)) {
      const given = rendered.conversations[conversation];
      if (!template || !given) continue;
      const outcome = compared(template, given, reference);
      counts.set(outcome, [...(counts.get(outcome) ?? []), `${name}: ${conversation}`]);
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
for (const [outcome, cases] of [...counts].sort(([, a], [, b]) => b.length - a.length)) {
  const listed = /^as|^refused by both/.test(outcome) ? "" : `\n    ${cases.join("\n    ")}`;
  process.stdout.write(`${String(cases.length).padStart(5)} ${outcome}${listed}\n`);
}
if ([...counts.keys()].some((outcome) => outcome.startsWith("WRONG"))) process.exitCode = 1;

// --- internal ---

function compared(
  template: ChatTemplate,
  conversation: Conversation,
  reference: Reference | null,
): string {
  const whole = layOut(template, conversation);
  if (!whole || !reference) return whole || reference ? "WRONG: refused by one" : "refused by both";
  if (whole.text !== reference.text) return "WRONG: another text";
  const answers = answersIn(template, conversation, whole).map(({ start, end }) =>
    whole.text.slice(start, end),
  );
  if (whole.marked) {
    const characters = Array.from(reference.text);
    const marked = reference.spans.map(([start, end]) => characters.slice(start, end).join(""));
    const isSame = JSON.stringify(marked) === JSON.stringify(answers);
    return isSame ? "as transformers: text and mask" : "WRONG: another mask";
  }
  if (answers.length === 0)
    return "as transformers: text; nothing of an answer is shown, the row is refused";
  const expected = behindPrompt(reference);
  const isSame = expected === null || answers.at(-1) === expected;
  return isSame
    ? "as transformers: text; the last answer as by the prompt"
    : "text as transformers; the last answer not as by the prompt";
}

function layOut(template: ChatTemplate, conversation: Conversation) {
  try {
    return template.layOut(conversation, false);
  } catch {
    return null;
  }
}

function behindPrompt({ text, prompt }: Reference): string | null {
  if (prompt === null) return null;
  let at = 0;
  while (at < prompt.length && prompt[at] === text[at]) at += 1;
  return text.slice(at);
}

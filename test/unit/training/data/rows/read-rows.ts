import { expect } from "vitest";
import type { ColumnMap } from "../../../../../src/training/data/examples/columns.ts";
import { learnedParts } from "../../../../../src/training/data/examples/example.ts";
import type { Tokenizer } from "../../../../../src/training/data/tokenizer/tokenizer.ts";
import { bytePairTokenizer } from "../../files/tiny-model.ts";
import { examplesOf, loadFiles, tinyTokenizer } from "../data-files.ts";

const SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"];
const CHARACTERS = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
const vocabulary = ["<unk>", ...SPECIAL, "\n", ...CHARACTERS];
const tokenizer = bytePairTokenizer(vocabulary, SPECIAL, []);

/** ChatML that shows tools, calls and a setting of its own. */
const CHATML =
  "{% if tools %}[tools {{ tools | tojson }}]\n{% endif %}{% if mood %}[mood {{ mood }}]\n{% endif %}" +
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for call in m.tool_calls or [] %}[call {{ call.function.name }} {{ call.function.arguments | tojson }}]{% endfor %}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** A tokenizer of characters, with a chat template or without. */
export async function characters(chat_template: string | null = CHATML): Promise<Tokenizer> {
  const settings = JSON.stringify({ eos_token: "<|im_end|>", chat_template });
  const config = { vocab_size: 256, bos_token_id: 1, eos_token_id: 4 };
  return await tinyTokenizer({ tokenizer, config }, { "tokenizer_config.json": settings });
}

const textOf = (ids: Iterable<number>) => [...ids].map((id) => vocabulary[id] ?? "").join("");

/** What a data set of these rows has for each example, as text, and what is said of it. */
export async function readAll(
  rows: readonly unknown[],
  options: {
    readonly chat?: Tokenizer;
    readonly name?: string;
    readonly columns?: ColumnMap;
  } = {},
) {
  const { chat = await characters(), name = "a.jsonl", columns } = options;
  const content = rows.map((row) => JSON.stringify(row)).join("\n");
  const set = await loadFiles({ [name]: content }, chat, {
    max: 1024,
    ...(columns ? { columns } : {}),
  });
  const examples = examplesOf(set).map((example) => ({
    text: textOf(example.ids),
    learned: learnedParts(example).map(([start, end]) => textOf(example.ids.slice(start, end))),
  }));
  return { examples, format: set.format, summary: set.summary, notes: set.summary.notes };
}

/** A turn of OpenAI's layout, and of ShareGPT's. */
export const say = (role: string, content: string, more: object = {}) => ({
  role,
  content,
  ...more,
});
export const speak = (from: string, value: string, more: object = {}) => ({ from, value, ...more });
export const END = "<|im_end|>";
/** A turn as the template writes it. */
export const shown = (role: string, content: string) => `<|im_start|>${role}\n${content}${END}\n`;

/** The one example of one row. */
export async function only(row: unknown, chat?: Awaited<ReturnType<typeof characters>>) {
  const { examples, ...set } = await readAll([row], chat ? { chat } : {});
  expect(examples).toHaveLength(1);
  return { ...set, text: examples[0]?.text, learned: examples[0]?.learned };
}

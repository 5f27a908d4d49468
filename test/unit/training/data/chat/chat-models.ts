import { encodeExample } from "../../../../../src/training/data/examples/encode.ts";
import { learnedParts } from "../../../../../src/training/data/examples/example.ts";
import type { Message } from "../../../../../src/training/data/tokenizer/chat-template.ts";
import type { Tokenizer } from "../../../../../src/training/data/tokenizer/tokenizer.ts";
import { bytePairTokenizer } from "../../files/tiny-model.ts";
import { tinyTokenizer } from "../data-files.ts";

/** A vocabulary of all printable ASCII and the marks that the templates below write. */
const CHARACTERS = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
const SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"];
export const vocabulary = ["<unk>", ...SPECIAL, "\n", ...CHARACTERS];
export const TOKENIZER = bytePairTokenizer(vocabulary, SPECIAL, []);

export async function withTemplate(template: string | null, eos = 4): Promise<Tokenizer> {
  const settings = { bos_token: "<s>", eos_token: { content: "</s>" }, chat_template: template };
  const config = { vocab_size: 256, eos_token_id: eos };
  const files = { "tokenizer_config.json": JSON.stringify(settings) };
  return await tinyTokenizer({ tokenizer: TOKENIZER, config }, files);
}

export const TURNS: readonly Message[] = [
  { role: "user", content: "Hi" },
  { role: "assistant", content: "Hello" },
  { role: "user", content: "Bye?" },
  { role: "assistant", content: "Bye!" },
];

/** A conversation as it is trained on: its text, what is learned of it, and what its template leaves out. */
export function learned(
  tokenizer: Tokenizer,
  messages: readonly Message[],
  max = 512,
  tools?: unknown,
) {
  const row = { format: "chat", messages, ...(tools === undefined ? {} : { tools }) } as const;
  const example = encodeExample(tokenizer, row, max);
  const names = (ids: Iterable<number>) => [...ids].map((id) => vocabulary[id] ?? "").join("");
  return {
    text: names(example?.ids ?? []),
    parts: example ? learnedParts(example).map(([s, e]) => names(example.ids.slice(s, e))) : null,
    truncated: example?.truncated,
    hidden: example?.hidden,
  };
}

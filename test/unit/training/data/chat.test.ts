import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeExample, encodePrompt } from "../../../../src/training/data/examples/encode.ts";
import { type Example, learnedTokens } from "../../../../src/training/data/examples/example.ts";
import type { Message } from "../../../../src/training/data/tokenizer/chat-template.ts";
import { learned, TOKENIZER, TURNS, vocabulary, withTemplate } from "./chat/chat-models.ts";
import { loadFiles, tinyTokenizer } from "./data-files.ts";

// The published ways to write a conversation, in their makers' syntax.
const CHATML =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const LLAMA2 =
  "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'].strip() + ' [/INST]' }}{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}";
/** Reasoning is shown in the last turn alone. */
const THINKING =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}<think>\n</think>\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

describe("a conversation in the model's own template", () => {
  it("is learned where the assistant speaks, up to the token that ends its turn", async () => {
    const chatml = learned(await withTemplate(CHATML), TURNS);
    expect(chatml.text).toBe(
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye?<|im_end|>\n<|im_start|>assistant\nBye!<|im_end|>\n",
    );
    expect(chatml.parts).toEqual(["Hello<|im_end|>", "Bye!<|im_end|>"]);
    const llama = learned(await withTemplate(LLAMA2, 2), TURNS);
    expect(llama.text).toBe("<s>[INST] Hi [/INST] Hello </s>[INST] Bye? [/INST] Bye! </s>");
    expect(llama.parts).toEqual([" Hello </s>", " Bye! </s>"]);
  });

  it("is learned in every turn by a template that writes the last turn otherwise", async () => {
    const { parts } = learned(await withTemplate(THINKING), TURNS);
    expect(parts).toEqual(["Hello<|im_end|>", "<think>\n</think>\nBye!<|im_end|>"]);
  });

  it("begins a prompt exactly as it was trained", async () => {
    const tokenizer = await withTemplate(CHATML);
    const ids = encodePrompt(tokenizer, "Hi", "chat");
    const example = encodeExample(tokenizer, { format: "chat", messages: TURNS.slice(0, 2) }, 512);
    expect([...(example?.ids ?? [])].slice(0, example?.promptLength)).toEqual(ids);
  });

  it("loses its end when it is too long, or the beginning of a first prompt that fills the context", async () => {
    const tokenizer = await withTemplate(CHATML);
    const wordy = [TURNS[0] as Message, { role: "assistant", content: "y".repeat(99) }];
    expect(learned(tokenizer, wordy, 30)).toMatchObject({
      text: "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nyyyyyyyyy",
      parts: ["yyyyyyyyy"],
      truncated: true,
    });
    const long = [{ role: "user", content: "x".repeat(500) }, TURNS[1] as Message];
    expect(learned(tokenizer, long, 24)).toMatchObject({
      text: "xxxx<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>",
      parts: ["Hello<|im_end|>"],
      truncated: true,
    });
  });

  it("shows exactly what the assistant says, whatever is said", async () => {
    const tokenizer = await withTemplate(CHATML);
    const words = fc.string({
      unit: fc.constantFrom("a", " ", "\n", "<"),
      minLength: 1,
      maxLength: 8,
    });
    const pairs = fc.array(
      fc.tuple(
        words,
        words.filter((w) => w.trim() !== ""),
      ),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(pairs, (exchange) => {
        const messages = exchange.flatMap(([user, assistant]) => [
          { role: "user", content: user },
          { role: "assistant", content: assistant },
        ]);
        const { parts } = learned(tokenizer, messages);
        expect(parts).toEqual(exchange.map(([, answer]) => `${answer}<|im_end|>`));
      }),
    );
  });

  it("is read from messages, ShareGPT's conversations, lists of text parts, and JSON in a CSV cell", async () => {
    const tokenizer = await withTemplate(CHATML);
    const messages = TURNS.slice(0, 2);
    const conversations = [
      { from: "human", value: "Hi" },
      { from: "gpt", value: "Hello" },
    ];
    const inParts = messages.map(({ role, content }) => ({
      role,
      content: [{ type: "text", text: content }],
    }));
    const cell = JSON.stringify(messages).replaceAll('"', '""');
    const sets = [
      await loadFiles({ "a.jsonl": JSON.stringify({ messages }) }, tokenizer, { max: 64 }),
      await loadFiles({ "a.jsonl": JSON.stringify({ conversations }) }, tokenizer, { max: 64 }),
      await loadFiles({ "a.jsonl": JSON.stringify({ messages: inParts }) }, tokenizer, { max: 64 }),
      await loadFiles({ "a.csv": `messages\n"${cell}"\n` }, tokenizer, { max: 64 }),
    ];
    for (const set of sets) {
      expect(set.format).toBe("chat");
      expect(set.examples.at(0)).toEqual(sets[0]?.examples.at(0));
    }
  });

  it("has its tools from a list or from JSON in a cell; other text is the template's own matter", async () => {
    const tokenizer = await withTemplate(
      `{% if tools %}{% for t in tools %}[{{ t.name }}]{% endfor %}{% endif %}${CHATML}`,
    );
    const read = async (tools: unknown) => {
      const row = JSON.stringify({ messages: TURNS, tools });
      const set = await loadFiles({ "a.jsonl": row }, tokenizer, { max: 512 });
      return tokenizer.decode(set.examples.at(0)?.ids ?? []);
    };
    const tools = [{ name: "add" }, { name: "sub" }];
    expect(await read(tools)).toMatch(/^\[add\]\[sub\]/);
    expect(await read(JSON.stringify(tools))).toBe(await read(tools));
    expect(await read("")).toBe(await read(null));
    await expect(read("[{")).rejects.toThrow(/a\.jsonl:1: column tools is not JSON/);
  });

  it("has speakers of any name, as they are named", async () => {
    const conversations = [
      { from: "toString", value: "Hi" },
      { from: "gpt", value: "Hello" },
    ];
    const tokenizer = await withTemplate(CHATML);
    const set = await loadFiles({ "a.jsonl": JSON.stringify({ conversations }) }, tokenizer, {
      max: 64,
    });
    const text = [...(set.examples.at(0)?.ids ?? [])].map((id) => vocabulary[id] ?? "").join("");
    expect(text).toContain("<|im_start|>toString\nHi");
  });

  it("gives nothing to learn when an answer has no id of its own", async () => {
    // a and b are one id in this vocabulary, and abc another.
    const tokenizer = await tinyTokenizer(
      {},
      { "chat_template.jinja": "{% for m in messages %}{{ m.content }}{% endfor %}" },
    );
    const turns = ["a", "b", "c"].map((content, i) => ({
      role: i === 1 ? "assistant" : "user",
      content,
    }));
    const encode = (messages: readonly Message[]) =>
      encodeExample(tokenizer, { format: "chat", messages }, 32);
    expect(encode(turns)).toBeNull();
    const spaced = turns.map((turn) => ({ ...turn, content: ` ${turn.content} ` }));
    expect(learnedTokens(encode(spaced) as Example)).toBeGreaterThan(0);
  });

  it("is learned to the last id that reaches into what the template marks, as in transformers", async () => {
    // a and b are one id in this vocabulary.
    const marked = "c {% generation %}{{ messages[0].content }}{% endgeneration %}b";
    const tokenizer = await tinyTokenizer({}, { "chat_template.jinja": marked });
    const messages = [{ role: "assistant", content: "ea" }];
    const example = encodeExample(tokenizer, { format: "chat", messages }, 32);
    expect(example).toMatchObject({ ids: Int32Array.of(5, 8, 7, 10), parts: [[2, 4]] });
    const apart = [{ role: "assistant", content: "ed" }];
    const control = encodeExample(tokenizer, { format: "chat", messages: apart }, 32);
    expect(control).toMatchObject({ ids: Int32Array.of(5, 8, 7, 6, 4), parts: [[2, 4]] });
  });

  it("gives nothing to learn when the assistant is silent", async () => {
    const tokenizer = await withTemplate(CHATML);
    expect(learned(tokenizer, TURNS.slice(0, 1)).parts).toBeNull();
    expect(learned(tokenizer, [{ role: "assistant", content: " " }]).parts).toBeNull();
  });
});

describe("a chat template", () => {
  it("in a file of its own comes before the one in tokenizer_config.json; of several the default is meant", async () => {
    const config = { vocab_size: 256 };
    const named = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "default" },
    ];
    const settings = { "tokenizer_config.json": JSON.stringify({ chat_template: named }) };
    const one = await tinyTokenizer({ tokenizer: TOKENIZER, config }, settings);
    expect(one.chat?.render([], false)).toBe("default");
    const files = { ...settings, "chat_template.jinja": "file" };
    const other = await tinyTokenizer({ tokenizer: TOKENIZER, config }, files);
    expect(other.chat?.render([], false)).toBe("file");
    expect(other.chat?.digest).not.toBe(one.chat?.digest);
  });

  it("that throws names the row and says why; the other rows are learned", async () => {
    const tokenizer = await withTemplate(LLAMA2, 2);
    const rows = [{ messages: TURNS }, { messages: TURNS.slice(1) }, { messages: TURNS.slice(1) }];
    const file = { "a.jsonl": rows.map((row) => JSON.stringify(row)).join("\n") };
    const { summary } = await loadFiles(file, tokenizer, { max: 512 });
    expect(summary).toMatchObject({ examples: 1, skipped: 0 });
    expect(summary.notes).toEqual([
      "2 rows left out, the first of them a.jsonl:2: the chat template refuses this conversation: roles must alternate",
    ]);
    const bad = { "a.jsonl": JSON.stringify(rows[1]) };
    await expect(loadFiles(bad, tokenizer)).rejects.toThrow(
      /a\.jsonl:1: the chat template refuses this conversation: .*roles must alternate/,
    );
  });

  it("that hides the answers, or is no template, is refused", async () => {
    const hiding = await withTemplate("{% for m in messages %}{{ m.role }}{% endfor %}");
    expect(() => learned(hiding, TURNS.slice(0, 2))).toThrow(/does not show the answer in turn 2/);
    await expect(withTemplate("{% for m in %}")).rejects.toMatchObject({ code: "incompatible" });
  });

  it("that is missing leaves the plain layout, and a note", async () => {
    const tokenizer = await withTemplate(null);
    const set = await loadFiles({ "a.jsonl": JSON.stringify({ messages: TURNS }) }, tokenizer, {
      max: 64,
    });
    expect(set.format).toBe("prompt");
    expect(set.summary.notes).toEqual([expect.stringContaining("has no chat template")]);
    expect(tokenizer.decode(set.examples.at(0)?.ids ?? [])).toBe("Hi : Hello\nBye? :Bye!");
  });

  it("that is missing leaves out calls, thoughts and tools, which is said", async () => {
    const call = { type: "function", function: { name: "weather", arguments: {} } };
    const answer = { role: "assistant", content: "Warm.", reasoning: "21.", tool_calls: [call] };
    const row = { messages: [TURNS[0], answer], tools: [{ name: "weather" }] };
    const tokenizer = await withTemplate(null);
    const { summary } = await loadFiles({ "a.jsonl": JSON.stringify(row) }, tokenizer, { max: 64 });
    expect(summary.notes.slice(1)).toEqual([
      "in 1 row the text does not show some thoughts of the assistant",
      "in 1 row the text does not show some calls of tools",
      "in 1 row the text does not show the tools",
    ]);
  });
});

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadDataset } from "../../../../../src/training/data/dataset/dataset.ts";
import type { Message } from "../../../../../src/training/data/tokenizer/chat-template.ts";
import { loadFiles } from "../data-files.ts";
import { learned, TURNS, withTemplate } from "./chat-models.ts";

// Templates of our own, each with one habit of published ones.
const HEAD = "{% for m in messages %}<|im_start|>{{ m.role }}\n";
const PROMPT = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const CALLS =
  "{% for c in m.tool_calls %}<call>{{ c.function.name }} {{ c.function.arguments | tojson }}{% endfor %}";
const SHOWS_ALL = `${HEAD}{{ m.content }}${CALLS}<|im_end|>\n{% endfor %}${PROMPT}`;
/** The words of a turn that calls are not shown. */
const SHOWS_CALLS = `${HEAD}{% if m.tool_calls %}${CALLS}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}${PROMPT}`;
const HIDES_CALLS = `${HEAD}{{ m.content }}<|im_end|>\n{% endfor %}${PROMPT}`;
/** Needs words in every turn. */
const ADDS = `${HEAD}{{ m.content + '<|im_end|>' }}\n{% endfor %}${PROMPT}`;
/** EOS once, behind all turns, which end with a mark of their own. */
const ENDS_ONCE = `${HEAD}{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% else %}{{ eos_token }}{% endif %}`;
/** The prompt opens a thought, which no turn has. */
const OPENS = `${HEAD}{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}`;
/** Thoughts of the last turn alone. */
const THINKS = `${HEAD}{% if loop.last and m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}${PROMPT}`;
const MARKED = `${HEAD}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}${CALLS}<|im_end|>\n{% endgeneration %}{% else %}{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}${PROMPT}`;
/** Messages by their numbers, so that no loop knows them. */
const COUNTS = `{% for i in range(messages | length) %}{% set m = messages[i] %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}${PROMPT}`;
/** Results of calls are written into the turn that calls. */
const RESULTS = `{% for m in messages if m.role != 'tool' %}<|im_start|>{{ m.role }}\n{{ m.content }}${CALLS}{% if m.tool_calls %}{% for r in messages if r.role == 'tool' %}<got>{{ r.content ~ '' }}</got>{% endfor %}{% endif %}<|im_end|>\n{% endfor %}${PROMPT}`;

const call = { type: "function", function: { name: "weather", arguments: { city: "Lisbon" } } };
const asks: Message = { role: "user", content: "Weather?" };
const calls = (content: string | null): Message => ({
  ...{ role: "assistant", content, tool_calls: [call] },
});
const result: Message = { role: "tool", content: "21" };
const says: Message = { role: "assistant", content: "It is 21." };
const CALLED = '<call>weather {"city": "Lisbon"}<|im_end|>';

describe("a call of a tool", () => {
  it.each([null, ""])(
    "without words (%j) is learned with its end, as the last turn and before",
    async (content) => {
      const tokenizer = await withTemplate(SHOWS_ALL);
      expect(learned(tokenizer, [asks, calls(content)]).parts).toEqual([CALLED]);
      const whole = [asks, calls(content), result, says];
      expect(learned(tokenizer, whole).parts).toEqual([CALLED, "It is 21.<|im_end|>"]);
    },
  );

  it("with words is learned as the template shows it; words that it hides are named", async () => {
    const turns = [asks, calls("Let me look.")];
    const shown = learned(await withTemplate(SHOWS_ALL), turns);
    expect(shown).toMatchObject({ parts: [`Let me look.${CALLED}`], hidden: [] });
    const hiding = learned(await withTemplate(SHOWS_CALLS), turns);
    expect(hiding).toMatchObject({ parts: [CALLED], hidden: ["words"] });
    const without = learned(await withTemplate(HIDES_CALLS), turns);
    expect(without).toMatchObject({ parts: ["Let me look.<|im_end|>"], hidden: ["calls"] });
  });

  it("is learned where the template marks it", async () => {
    const { parts } = learned(await withTemplate(MARKED), [asks, calls(null), result, says]);
    expect(parts).toEqual([`${CALLED}\n`, "It is 21.<|im_end|>\n"]);
  });

  it("is learned without its result where the template writes that into the same turn", async () => {
    const tokenizer = await withTemplate(RESULTS);
    const { text, parts } = learned(tokenizer, [asks, calls("Look."), result, says]);
    expect(text).toContain('"Lisbon"}<got>21</got><|im_end|>');
    expect(parts).toEqual([
      'Look.<call>weather {"city": "Lisbon"}',
      "<|im_end|>",
      "It is 21.<|im_end|>",
    ]);
  });

  it("that a template refuses costs no other row", async () => {
    const rows = [
      { messages: [asks, calls(null)] },
      { messages: TURNS },
      { messages: [asks, calls("")] },
      { messages: [asks, calls(null), result, says] },
    ];
    const file = { "a.jsonl": rows.map((row) => JSON.stringify(row)).join("\n") };
    const { summary } = await loadFiles(file, await withTemplate(ADDS), { max: 512 });
    expect(summary).toMatchObject({ examples: 1, skipped: 0 });
    expect(summary.notes).toEqual([
      expect.stringMatching(
        /^3 rows left out, the first of them a\.jsonl:1: the chat template refuses/,
      ),
    ]);
    const all = await loadFiles(file, await withTemplate(SHOWS_ALL), { max: 512 });
    expect(all.summary).toMatchObject({ examples: 4, notes: [] });
  });
});

describe("an answer in a template that", () => {
  it("writes EOS once has the token that ends its turn, and its spaces, in every turn", async () => {
    const spaced = TURNS.map((turn) => ({ ...turn, content: ` ${turn.content}  ` }));
    const { parts } = learned(await withTemplate(ENDS_ONCE, 2), spaced);
    expect(parts).toEqual([" Hello  <|im_end|>\n", " Bye!  <|im_end|>\n</s>"]);
  });

  it("opens a thought in its prompt has no header", async () => {
    const tokenizer = await withTemplate(OPENS);
    expect(learned(tokenizer, TURNS).parts).toEqual(["Hello<|im_end|>", "Bye!<|im_end|>"]);
    const marks = [TURNS[0] as Message, { role: "assistant", content: "<b>Hi</b>" }];
    expect(learned(tokenizer, marks).parts).toEqual(["<b>Hi</b><|im_end|>"]);
    const thinks = [TURNS[0] as Message, { role: "assistant", content: "<think>\nSo.</think>Hi" }];
    expect(learned(tokenizer, thinks).parts).toEqual(["So.</think>Hi<|im_end|>"]);
  });

  it("shows the last thought alone is learned in every turn; the thoughts left out are named", async () => {
    const turns = TURNS.map((turn) =>
      turn.role === "assistant" ? { ...turn, reasoning: "Hm, so." } : turn,
    );
    expect(learned(await withTemplate(THINKS), turns)).toMatchObject({
      parts: ["Hello<|im_end|>", "<think>Hm, so.</think>Bye!<|im_end|>"],
      hidden: ["thoughts"],
    });
  });

  it("writes EOS within an answer is learned to the last of it", async () => {
    const twice = SHOWS_ALL.replace(CALLS, `{% if m.tool_calls %}<|im_end|>\n${CALLS}{% endif %}`);
    const { parts } = learned(await withTemplate(twice), [asks, calls("Look."), result, says]);
    expect(parts).toEqual([`Look.<|im_end|>\n${CALLED}`, "It is 21.<|im_end|>"]);
  });

  it("writes what parts turns for the turn before has no header", async () => {
    const parted = "{% if not loop.last %}{{ '\n' }}{% endif %}{% endfor %}";
    const opens = "{% if add_generation_prompt %}{{ '\n' }}<|im_start|>assistant\n{% endif %}";
    const template = `${SHOWS_ALL.replace("\n{% endfor %}", parted).replace(PROMPT, opens)}`;
    const { parts } = learned(await withTemplate(template), TURNS);
    expect(parts).toEqual(["Hello<|im_end|>", "Bye!<|im_end|>"]);
  });

  it("counts the messages is found by what is written without it", async () => {
    const { parts } = learned(await withTemplate(COUNTS), TURNS);
    expect(parts).toEqual(["Hello<|im_end|>", "Bye!<|im_end|>"]);
  });

  it("begins with the assistant has no header either", async () => {
    const { parts } = learned(await withTemplate(`<s>${SHOWS_ALL}`), TURNS.slice(1));
    expect(parts).toEqual(["Hello<|im_end|>", "Bye!<|im_end|>"]);
  });

  it("marks answers is taken at its word, the line's end behind EOS included", async () => {
    const { parts } = learned(await withTemplate(MARKED), TURNS);
    expect(parts).toEqual(["Hello<|im_end|>\n", "Bye!<|im_end|>\n"]);
  });

  it("shows none of it is not learned, and the row refused", async () => {
    const tokenizer = await withTemplate(SHOWS_CALLS.replace(CALLS, ""));
    expect(() => learned(tokenizer, [asks, calls("Look.")])).toThrow("show the answer in turn 2");
    const { parts, hidden } = learned(tokenizer, [asks, calls("Look."), result, says]);
    expect(parts).toEqual(["It is 21.<|im_end|>"]);
    expect(hidden).toEqual(["answers"]);
  });
});

describe("contents in parts", () => {
  const parts = (text: string) => [{ type: "text", text }];
  const turns = TURNS.map(({ role, content }) => ({ role, content: parts(String(content)) }));

  it("are given to a template that reads them, and joined for one that does not, which is said", async () => {
    const reads = SHOWS_ALL.replace(
      "{{ m.content }}",
      "{% for p in m.content %}[{{ p.text }}]{% endfor %}",
    );
    expect(learned(await withTemplate(reads), turns)).toMatchObject({
      parts: ["[Hello]<|im_end|>", "[Bye!]<|im_end|>"],
      hidden: [],
    });
    const drops = SHOWS_ALL.replace("{{ m.content }}", "{{ m.content if m.content is string }}");
    for (const template of [ADDS, drops]) {
      expect(learned(await withTemplate(template), turns)).toMatchObject({
        parts: ["Hello<|im_end|>", "Bye!<|im_end|>"],
        hidden: ["parts"],
      });
    }
  });
});

const cases = new URL("../../../../../../shared/cases/01-tool-calls", import.meta.url).pathname;
describe("the rows with calls", () => {
  it.skipIf(!existsSync(cases))("are learned, all of them (needs ../shared/cases)", async () => {
    const files = readdirSync(cases).map((name) => join(cases, name));
    const set = await loadDataset(files, {}, await withTemplate(SHOWS_ALL), 512);
    expect(set.summary).toMatchObject({ examples: 3, skipped: 0, truncated: 0 });
  });
});

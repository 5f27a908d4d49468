import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { characters, END, only, readAll, say, shown, speak } from "./read-rows.ts";

describe("the speakers of other formats", () => {
  const ASKED = shown("user", "When?") + shown("assistant", "At seven.");

  it.each([
    ["user", "model"],
    ["User", "Assistant"],
    ["HUMAN", "AI"],
    ["prompter", "assistant"],
  ])("%s and %s are user and assistant", async (user, assistant) => {
    const row = { messages: [say(user, "When?"), say(assistant, "At seven.")] };
    expect(await only(row)).toMatchObject({ text: ASKED, learned: [`At seven.${END}`], notes: [] });
    const sharegpt = { conversations: [speak(user, "When?"), speak(assistant, "At seven.")] };
    expect((await only(sharegpt)).text).toBe(ASKED);
  });

  it("are known in layouts between {role, content} and {from, value}", async () => {
    for (const messages of [
      [
        { role: "user", value: "When?" },
        { role: "assistant", value: "At seven." },
      ],
      [
        { from: "human", content: "When?" },
        { from: "gpt", content: "At seven." },
      ],
      [
        { role: "user", content: [{ text: "When?" }] },
        { role: "assistant", content: [{ text: "At " }, { text: "seven." }] },
      ],
    ]) {
      expect(await only({ messages })).toMatchObject({ text: ASKED, learned: [`At seven.${END}`] });
    }
  });

  it("of a call and what came of it are the assistant and the tool", async () => {
    const call = { name: "weather", arguments: { city: "Lisbon" } };
    for (const [name, result] of [
      ["function_call", "observation"],
      ["tool_call", "tool_response"],
      ["function-call", "function-response"],
    ] as const) {
      const conversations = [
        speak("human", "Weather?"),
        speak(name, JSON.stringify(call)),
        speak(result, "21"),
        speak("gpt", "It is 21 degrees."),
      ];
      const { text, learned, notes } = await only({ conversations });
      expect(text).toBe(
        shown("user", "Weather?") +
          shown("assistant", '[call weather {"city": "Lisbon"}]') +
          shown("tool", "21") +
          shown("assistant", "It is 21 degrees."),
      );
      expect(learned).toEqual([
        `[call weather {"city": "Lisbon"}]${END}`,
        `It is 21 degrees.${END}`,
      ]);
      expect(notes).toEqual([]);
    }
  });

  it("are told apart by what they call", async () => {
    const rows = ["Lisbon", "Porto"].map((city) => ({
      conversations: [
        speak("human", "Weather?"),
        speak("function_call", JSON.stringify({ name: "weather", arguments: { city } })),
        speak("gpt", "It rains."),
      ],
    }));
    expect((await readAll(rows)).summary.duplicates).toBe(0);
    expect((await readAll([...rows, rows[0]])).summary.duplicates).toBe(1);
  });

  it("of OpenAI's older calls are the assistant and the tool", async () => {
    const function_call = { name: "weather", arguments: '{"city": "Lisbon"}' };
    const messages = [
      say("user", "Weather?"),
      { role: "assistant", content: null, function_call },
      { role: "function", name: "weather", content: "21" },
      say("assistant", "It is 21 degrees."),
    ];
    const { text } = await only({ messages });
    expect(text).toContain('[call weather "{\\"city\\": \\"Lisbon\\"}"]');
    expect(text).toContain(shown("tool", "21"));
  });

  it("that are none of these are left as they are, and counted", async () => {
    const messages = [say("narrator", "Once."), say("user", "When?"), say("assistant", "Now.")];
    const { text, notes } = await only({ messages });
    expect(text).toContain(shown("narrator", "Once."));
    expect(notes).toEqual([
      "1 turns are of a role other than system, user, assistant and tool, which is left as it is",
    ]);
    const odd = [speak("human", "a"), speak("function_call", "weather!"), speak("gpt", "b")];
    expect((await only({ conversations: odd })).notes).toEqual([
      "1 calls of a function are not JSON with a name: they are learned as text",
    ]);
  });

  it("are counted where none of them is the assistant", async () => {
    const set = readAll([{ messages: [say("user", "When?"), say("clerk", "Now.")] }]);
    await expect(set).rejects.toThrow(/1 conversations hold no answer to learn/);
  });
});

describe("the columns of other formats", () => {
  const conversations = [speak("human", "When?"), speak("gpt", "At seven.")];

  it("system and tools beside a conversation are used", async () => {
    const tools = JSON.stringify([{ name: "clock", parameters: {} }]);
    const row = { conversations, system: "Be a pirate.", tools };
    const { text, notes } = await only(row);
    const wrapped = '[{"type": "function", "function": {"name": "clock", "parameters": {}}}]';
    expect(text).toBe(
      `[tools ${wrapped}]\n${shown("system", "Be a pirate.")}${shown("user", "When?")}${shown("assistant", "At seven.")}`,
    );
    expect(notes).toEqual([]);
    const own = [speak("system", "Be kind."), ...conversations];
    const second = await only({ conversations: own, system: "Be a pirate." });
    expect(second.notes).toEqual(["left aside: system"]);
    const parts = [{ text: "Be a " }, { text: "pirate." }];
    expect((await only({ conversations, system: parts })).text).toContain("Be a pirate.");
    const openAi = [say("user", "When?"), say("assistant", "Now.")];
    const bare = await only({ messages: openAi, tools: [{ name: "clock" }] });
    expect(bare.text).toContain('[tools [{"name": "clock"}]]');
  });

  it("system and history make instructions and prompts conversations, all of the set", async () => {
    const more = { system: "Be a pirate.", history: [["When?", "At seven."]] };
    const text = [
      shown("system", "Be a pirate."),
      shown("user", "When?"),
      shown("assistant", "At seven."),
      shown("user", "And on Sunday?\nPlease."),
      shown("assistant", "At nine."),
    ].join("");
    const alpaca = { instruction: "And on Sunday?", input: "Please.", output: "At nine." };
    const prompt = { prompt: "And on Sunday?\nPlease.", completion: "At nine." };
    for (const row of [alpaca, prompt]) {
      const set = await readAll([row, { ...row, ...more }]);
      expect(set.format).toBe("chat");
      expect(set.examples[1]).toEqual({
        text,
        learned: [`At seven.${END}`, `At nine.${END}`],
      });
      expect(set.examples[0]?.text).toBe(text.slice(text.indexOf("<|im_start|>user\nAnd")));
      expect(set.notes).toEqual([
        "some rows have turns, a system text or earlier turns: all are written as conversations",
      ]);
    }
  });

  it("system and history are used without a chat template, too", async () => {
    const row = { instruction: "c", output: "d", system: "s", history: [["a", "b"]] };
    const { text, format } = await only(row, await characters(null));
    expect(text).toBe(`<s>s\na : b\nc :d${END}`);
    expect(format).toBe("prompt");
    // Control: without them it is Alpaca's template.
    const bare = await only({ ...row, system: "", history: [] }, await characters(null));
    expect(bare.format).toBe("alpaca");
  });

  it("chat_template_kwargs reach the template; what is none of its values is refused", async () => {
    const messages = [say("user", "When?"), say("assistant", "Now.")];
    const { text, notes } = await only({ messages, chat_template_kwargs: { mood: "glad" } });
    expect(text).toMatch(/^\[mood glad\]\n/);
    expect(notes).toEqual([]);
    const wrong = readAll([{ messages, chat_template_kwargs: { add_generation_prompt: true } }]);
    await expect(wrong).rejects.toThrow(/a\.jsonl:1: chat_template_kwargs sets add_generation/);
  });

  it("prompt and completion may hold turns, of which the completion is learned", async () => {
    const prompt = [say("user", "a"), say("assistant", "b"), say("user", "c")];
    const completion = [say("assistant", "d")];
    const { text, learned, format } = await only({ prompt, completion });
    expect(format).toBe("chat");
    expect(text).toBe(
      shown("user", "a") + shown("assistant", "b") + shown("user", "c") + shown("assistant", "d"),
    );
    expect(learned).toEqual([`d${END}`]);
    const chosen = { prompt, chosen: completion, rejected: [say("assistant", "e")] };
    const columns = { prompt: "prompt", completion: "chosen" };
    const set = await readAll([chosen], { columns });
    expect(set.examples[0]).toEqual({ text, learned });
    expect(set.notes).toContain("left aside: rejected");
    // LLaMA-Factory's: a conversation that one of two turns ends.
    const one = { conversations: prompt, chosen: completion[0], rejected: say("assistant", "e") };
    const named = { prompt: "conversations", completion: "chosen" };
    expect((await readAll([one], { columns: named })).examples[0]).toEqual({ text, learned });
  });

  it("of pairs to choose from are refused with the way out", async () => {
    const pair = readAll([{ prompt: "a", chosen: "b", rejected: "c" }]);
    await expect(pair).rejects.toMatchObject({
      message: expect.stringMatching(/the row has prompt, chosen, rejected/),
      hint: expect.stringContaining("--columns prompt=prompt,completion=chosen"),
    });
    const whole = readAll([{ chosen: conversations, rejected: conversations }]);
    await expect(whole).rejects.toMatchObject({
      hint: expect.stringContaining("--columns messages=chosen"),
    });
  });

  it("of Dolly are instructions", async () => {
    const row = { instruction: "ask", context: "given", response: "said", category: "open_qa" };
    const { learned, format, text, notes } = await only(row);
    expect(format).toBe("alpaca");
    expect(learned).toEqual([`said${END}`]);
    expect(text).toContain("### Input:\ngiven\n\n");
    expect(notes).toEqual(["left aside: category"]);
  });
});

const cases = join("..", "shared", "cases", "17-marks");
describe("the cases of other formats", () => {
  it.skipIf(!existsSync(cases))("are read (needs ../shared/cases)", async () => {
    const rowOf = (name: string) => JSON.parse(readFileSync(join(cases, `${name}.jsonl`), "utf8"));
    const pirate = await only(rowOf("alpaca-history"));
    expect(pirate.text).toContain("Answer like a pirate.");
    expect(pirate.text).toContain("When does the bakery open?");
    expect((await only(rowOf("openai-other-names"))).learned).toEqual([`At seven.${END}`]);
    expect((await only(rowOf("sharegpt-function"))).text).toContain(shown("tool", "21"));
    expect((await only(rowOf("sharegpt-system"))).text).toContain("Answer like a pirate.");
    for (const name of ["weights", "train-false"]) {
      expect((await only(rowOf(name))).learned).toEqual([`At seven.${END}`]);
    }
  });
});

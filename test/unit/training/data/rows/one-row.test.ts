import { describe, expect, it } from "vitest";
import { loadFiles, tinyTokenizer } from "../data-files.ts";

const tokenizer = await tinyTokenizer();
const json = JSON.stringify;
const examples = async (content: string, name = "a.json") =>
  (await loadFiles({ [name]: content }, tokenizer)).summary.examples;

describe("a .json file with one object", () => {
  const messages = [
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
  ];

  it.each([
    ["messages alone", { messages }],
    ["a text and a list of objects", { text: "ab", tags: [{ text: "a" }, { text: "b" }] }],
    ["a text and a list called data", { text: "ab", data: [{ text: "a" }, { text: "b" }] }],
    ["a prompt", { prompt: "a", completion: "b", rows: [] }],
  ])("is one row: %s", async (_, row) => {
    expect(await examples(json(row))).toBe(1);
    expect(await examples(json(row, null, 2))).toBe(1);
    expect(await examples(`\ufeff${json(row)}\r\n`)).toBe(1);
    expect(await examples(json(row), "a.jsonl")).toBe(1);
    // Control: two lines are two rows.
    expect(await examples(`${json(row)}\r\n${json(row)}\r\n`)).toBe(2);
    expect(await examples(json([row, row, row]))).toBe(3);
  });

  it("is a wrapper when its rows are called data or rows", async () => {
    const rows = [{ text: "a" }, { text: "b" }];
    expect(await examples(json({ version: "1", data: rows }))).toBe(2);
    expect(await examples(json({ rows }))).toBe(2);
  });

  it("may be a list of rows, which JSON Lines may not", async () => {
    const list = json([{ text: "a" }, { text: "b" }]);
    expect(await examples(list)).toBe(2);
    const hint = expect.stringContaining("name the file .json");
    await expect(examples(list, "a.jsonl")).rejects.toMatchObject({ hint });
  });

  it("is refused with the way out when its rows are called otherwise", async () => {
    const refused = examples(json({ questions: [{ text: "a" }, { text: "b" }] }));
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining("the row has questions"),
      hint: expect.stringContaining(
        "a list of rows within an object has to be called data or rows",
      ),
    });
  });
});

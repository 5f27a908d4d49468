import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLabelledDataset } from "../../../../../src/training/data/dataset/labelled.ts";
import { inFolder } from "../../files/tiny-model.ts";
import type { Content } from "../data-files.ts";
import { loadFiles, parquet, writeFiles } from "../data-files.ts";
import { characters, readAll } from "./read-rows.ts";

const plain = await characters(null);
const pair = (completion: string, more: object = {}) => ({ prompt: "ask", completion, ...more });
const answers = (set: Awaited<ReturnType<typeof readAll>>) =>
  set.examples.map(({ learned }) => learned.join("|"));

describe("rows that people marked as unwanted", () => {
  const UNWANTED = "1 rows are left out: their label marks them as unwanted";

  it.each([
    ["true and false", true, false],
    ["1 and 0", 1, 0],
    ["words", "True", "False"],
  ])("by %s are left out, counted and named", async (_, wanted, unwanted) => {
    const rows = [pair("good", { label: wanted }), pair("bad", { label: unwanted })];
    const set = await readAll(rows, { chat: plain });
    expect(answers(set)).toEqual(["good<|im_end|>"]);
    expect(set.notes).toContain(UNWANTED);
    expect(set.notes.join()).not.toContain("left aside");
  });

  it("are left out of tables too", async () => {
    const csv = "prompt,completion,label\nask,good,True\nask,bad,False\n";
    const columns = { prompt: ["ask", "beg"], completion: ["good", "bad"], label: [true, false] };
    const files: Readonly<Record<string, Content>> = {
      "a.csv": csv,
      "a.parquet": parquet(columns),
    };
    for (const [name, content] of Object.entries(files)) {
      const { summary, examples } = await loadFiles({ [name]: content }, plain, { max: 64 });
      expect(examples, name).toHaveLength(1);
      expect(summary.notes, name).toContain(UNWANTED);
    }
  });

  it("by LLaMA-Factory's kto_tag are left out of instructions and conversations", async () => {
    const alpaca = (output: string, kto_tag: boolean) => ({ instruction: "ask", output, kto_tag });
    const chat = (value: string, kto_tag: boolean) => ({
      conversations: [
        { from: "human", value: "ask" },
        { from: "gpt", value },
      ],
      kto_tag,
    });
    for (const row of [alpaca, chat]) {
      const set = await readAll([row("good", true), row("bad", false)]);
      expect(answers(set)).toEqual(["good<|im_end|>"]);
      expect(set.notes).toEqual(["1 rows are left out: their kto_tag marks them as unwanted"]);
    }
  });

  it("are named where nothing else is left", async () => {
    const set = readAll([pair("bad", { label: false })]);
    await expect(set).rejects.toThrow(/holds no example: 1 rows.*their label marks them/);
  });

  it("are not looked for where labels are no marks, or are the answer", async () => {
    const classes = [pair("a", { label: 0 }), pair("b", { label: 1 }), pair("c", { label: 2 })];
    const set = await readAll(classes, { chat: plain });
    expect(set.examples).toHaveLength(3);
    expect(set.notes).toContain("left aside: label");
    const instructions = ["a", "b"].map((output, label) => ({ instruction: "x", output, label }));
    expect((await readAll(instructions)).notes).toEqual(["left aside: label"]);
    // Control: what is written as true or false is a mark whatever else there is.
    const mixed = await readAll([...classes, pair("bad", { label: false })], { chat: plain });
    expect(mixed.examples).toHaveLength(3);
    const named = await readAll([{ text: "ask", label: false }], { chat: plain });
    expect(answers(named)).toEqual(["false<|im_end|>"]);
  });
});

describe("columns beside the layout", () => {
  it("are named once when nothing is made of them", async () => {
    const rows = [
      pair("a", { label: "news", history: "none", url: "x", empty: "", nothing: null, list: [] }),
      pair("b", { label: "sport", score: 0.5 }),
    ];
    const { notes } = await readAll(rows, { chat: plain });
    expect(notes).toContain("left aside: label, history, url, score");
    const text = await readAll([{ text: "a", label: "b" }], { columns: { text: "text" } });
    expect(text.notes).toEqual(["left aside: label"]);
  });

  it("are named of classified texts, too", async () => {
    const rows = ["a", "b"].map((label) => JSON.stringify({ text: "x", label, source: "web" }));
    await inFolder(async (folder) => {
      await writeFiles(folder, { "a.jsonl": rows.join("\n") });
      const set = await readLabelledDataset([join(folder, "a.jsonl")], {}, plain, 8);
      expect(set.summary.notes).toEqual(["2 classes: a 1, b 1", "left aside: source"]);
    });
  });

  it("of names that no column has are counted alone", async () => {
    const key = "0170 1234567";
    const { notes } = await readAll([{ text: "a", id: 7, [key]: "x", Müller: "y", "P-7319": "z" }]);
    expect(notes).toEqual(["left aside: id, 3 more"]);
    const only = await readAll([{ text: "a", [key]: "x" }]);
    expect(only.notes).toEqual(["left aside: 1 columns"]);
  });

  it("are not spoken of when there are none, as a control", async () => {
    const rows = [{ text: "a" }, { text: "b" }];
    expect((await readAll(rows)).notes).toEqual([]);
  });
});

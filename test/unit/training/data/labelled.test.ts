import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readLabelledDataset } from "../../../../src/training/data/dataset/labelled.ts";
import type { ColumnMap } from "../../../../src/training/data/examples/columns.ts";
import {
  loadTokenizer,
  type Tokenizer,
} from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder, TINY_TOKENIZER, writeTinyModel } from "../files/tiny-model.ts";
import { parquet, writeFiles } from "./data-files.ts";

// Ids of the tiny tokenizer: <s> 1, </s> 2, a 3, b 4, c 5, d 6, e 7; <s> and </s> stand around a text.
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await inFolder(async (folder) => {
    const around = { type: "RobertaProcessing", cls: ["<s>", 1], sep: ["</s>", 2] };
    await writeTinyModel(folder, {
      weights: null,
      tokenizer: { ...TINY_TOKENIZER, post_processor: around },
    });
    return await loadTokenizer(folder);
  });
});

async function read(
  rows: readonly unknown[],
  options: { columns?: ColumnMap; max?: number; classes?: readonly string[] } = {},
) {
  return await inFolder(async (folder) => {
    const file = join(folder, "rows.jsonl");
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join("\n"));
    const { columns = {}, max = 16, classes } = options;
    return await readLabelledDataset([file], columns, tokenizer, max, classes ? { classes } : {});
  });
}

describe("texts with labels", () => {
  it("become ids with the special tokens around them, and class ids in sorted order", async () => {
    const set = await read([
      { text: "ad", label: "late" },
      { text: "e", label: "early" },
      { text: "d", label: "late" },
    ]);
    expect(set.classes).toEqual(["early", "late"]);
    expect(set.examples.map(({ ids, label }) => [[...ids], label])).toEqual([
      [[1, 3, 6, 2], 1],
      [[1, 7, 2], 0],
      [[1, 6, 2], 1],
    ]);
    expect(set.balance).toEqual([1, 2]);
    expect(set.summary.notes).toEqual(["2 classes: late 2, early 1"]);
    expect(set.summary).toMatchObject({ examples: 3, tokens: 10, truncated: 0, skipped: 0 });
  });

  it("order numbers by size and words by code unit, whatever the order of the rows", async () => {
    const labels = async (names: readonly (string | number)[]) =>
      (await read(names.map((label) => ({ text: "a", label })))).classes;
    expect(await labels([10, 9, 100])).toEqual(["9", "10", "100"]);
    expect(await labels(["b", "a", "B", "10"])).toEqual(["10", "B", "a", "b"]);
    expect(await labels(["1", "01", "2"])).toEqual(["01", "1", "2"]);
    expect(await labels(["2", "01", "1"])).toEqual(["01", "1", "2"]);
  });

  it("keep the order of a list of classes that is given, with classes that do not occur", async () => {
    const classes = ["z", "y", "a"];
    const set = await read([{ text: "a", label: "a" }], { classes });
    expect(set.examples[0]?.label).toBe(2);
    expect(set.balance).toEqual([0, 0, 1]);
  });

  it("lose the end of a long text, never a special token, and say so", async () => {
    const rows = [
      { text: "d".repeat(100_000), label: 0 },
      { text: "d".repeat(6), label: 1 },
      { text: "d".repeat(10), label: 1 },
    ];
    const set = await read(rows, { max: 8 });
    for (const { ids } of set.examples) expect([...ids]).toEqual([1, 6, 6, 6, 6, 6, 6, 2]);
    expect(set.examples.map(({ truncated }) => truncated)).toEqual([true, false, true]);
    expect(set.summary.truncated).toBe(2);
    const [long, whole, short] = set.examples.map((example) => "lost" in example && example.lost);
    expect([whole, short]).toEqual([false, { tokens: 4, isLeast: false }]);
    expect(long).toMatchObject({ isLeast: true });
    const lost = 4 + (long ? long.tokens : 0);
    expect(set.summary.cut).toEqual({ kept: 16, lost, isLeast: true });
  });

  it("are read from every format, a folder of Parquet among them", async () => {
    const shards = [
      { text: ["a", "b", "c"], label: [1n, 0n, 1n] },
      { text: ["d"], label: [0n] },
    ];
    await inFolder(async (folder) => {
      const files = shards.map((shard, i) => [`in/${i}.parquet`, parquet(shard)] as const);
      await writeFiles(folder, Object.fromEntries(files));
      const set = await readLabelledDataset([join(folder, "in")], {}, tokenizer, 16);
      expect(set.classes).toEqual(["0", "1"]);
      expect(set.examples.map(({ label }) => label)).toEqual([1, 0, 1, 0]);
    });
  });

  it("leave out and count rows without a text or a label", async () => {
    const rows = [
      { text: " ", label: "x" },
      { text: "a", label: null },
      { text: "a", label: "x" },
      { text: "a", label: "y" },
    ];
    expect((await read(rows)).summary).toMatchObject({ examples: 2, skipped: 2 });
  });

  it("are taken from the columns that are named", async () => {
    const rows = [
      { question: "a", topic: "x" },
      { question: "b", topic: "y" },
    ];
    const set = await read(rows, { columns: { text: "question", label: "topic" } });
    expect(set.classes).toEqual(["x", "y"]);
    await expect(read(rows)).rejects.toThrow(/rows\.jsonl:1: no column text; .*question, topic/);
  });

  it("are refused with a label outside the classes, one class only, none at all, or a class given twice", async () => {
    const row = { text: "a", label: "x" };
    await expect(read([row, { ...row, label: "q" }], { classes: ["x", "y"] })).rejects.toThrow(
      /rows\.jsonl:2: its label is none of the 2 classes \(x, y\)/,
    );
    await expect(read([row])).rejects.toThrow(/2 to 10000 classes apart, not 1$/);
    await expect(read([])).rejects.toThrow(/holds no example: 0 rows/);
    await expect(read([row], { classes: ["x", "x"] })).rejects.toMatchObject({ code: "usage" });
    await expect(read([{ text: "a", label: { x: 1 } }])).rejects.toThrow(
      /a list, an object or bytes/,
    );
  });
});

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { beforeAll, describe, expect, it } from "vitest";
import { loadDataset } from "../../../../src/training/data/dataset/dataset.ts";
import { parquetRows } from "../../../../src/training/data/rows/parquet-rows.ts";
import type { Row } from "../../../../src/training/data/rows/row.ts";
import { readRows } from "../../../../src/training/data/rows/rows.ts";
import type { Tokenizer } from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder } from "../files/tiny-model.ts";
import { examplesOf, idsOf, loadFiles, parquet, tinyTokenizer, writeFiles } from "./data-files.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await tinyTokenizer();
});

/** The same three rows in every format. */
const ROWS = [
  { prompt: "a", completion: "d" },
  { prompt: "b", completion: "e" },
  { prompt: "c", completion: "d e" },
];
const table = (separator: string) =>
  ["prompt,completion", ...ROWS.map((row) => `${row.prompt},${row.completion}`)]
    .join("\r\n")
    .replaceAll(",", separator);
const lines = ROWS.map((row) => JSON.stringify(row)).join("\n");
const SAME = {
  "a.jsonl": lines,
  "a.ndjson": `\ufeff${lines}\n`,
  "lines.json": lines,
  "array.json": JSON.stringify(ROWS, null, 2),
  "object.json": JSON.stringify({ version: "1", data: ROWS }),
  "object-line.json": `${JSON.stringify({ version: "1", data: ROWS })}\n`,
  "a.csv": table(","),
  "bom.csv": `\ufeff${table(",")}`,
  "a.tsv": table("\t"),
  "a.parquet": parquet({
    prompt: ROWS.map((row) => row.prompt),
    completion: ROWS.map((row) => row.completion),
  }),
};

describe("a data file", () => {
  it.each(Object.entries(SAME))(
    "%s gives the same examples as any other format",
    async (name, content) => {
      const set = await loadFiles({ [name]: content }, tokenizer);
      expect(idsOf(set)).toEqual([
        [1, 3, 8, 9, 6, 2],
        [1, 4, 8, 9, 7, 2],
        [1, 5, 8, 9, 6, 8, 7, 2],
      ]);
    },
  );

  it("of Parquet is unpacked, and a column without any value does not matter", async () => {
    const columns = { text: ["a".repeat(300), "b"], nothing: [null, null] };
    for (const codec of ["SNAPPY", "LZ4_RAW"] as const) {
      const set = await loadFiles({ "a.parquet": parquet(columns, codec) }, tokenizer, {
        max: 512,
      });
      expect(set.summary).toMatchObject({ examples: 2, tokens: 305 });
    }
  });

  it("of Parquet gives the same rows in pieces of any size", async () => {
    const texts = ["a", "b", "c", "d", "e"];
    const content = parquet({ text: texts, list: texts.map((text) => [text, { text }]) });
    await inFolder(async (folder) => {
      await writeFiles(folder, { "a.parquet": content });
      const whole = await readRows(join(folder, "a.parquet"));
      expect(whole.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
      for (const size of [1, 2, 3, 4]) {
        const pieces = [];
        const piece = { rows: size, bytes: 1 };
        for await (const rows of parquetRows(join(folder, "a.parquet"), piece)) pieces.push(rows);
        expect(pieces.flat(), `pieces of ${size}`).toEqual(whole);
        expect(Math.max(...pieces.map((rows) => rows.length))).toBeLessThanOrEqual(size);
      }
    });
  });

  it("of Parquet is the same when one group is taken in pieces of some bytes", async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => `text ${i} ${"x".repeat(i % 90)}`);
    const counts = texts.map((_, i) => i % 7);
    const columnData = [
      { name: "text", data: texts, type: "STRING" as const },
      { name: "count", data: counts },
    ];
    const content = new Uint8Array(
      parquetWriteBuffer({ columnData, rowGroupSize: 5000, pageSize: 4096 }),
    );
    await inFolder(async (folder) => {
      await writeFiles(folder, { "a.parquet": content });
      const rows: Row[] = [];
      const piece = { rows: 1 << 20, bytes: 70_000 };
      for await (const each of parquetRows(join(folder, "a.parquet"), piece)) rows.push(...each);
      expect(rows.map(({ line }) => line)).toEqual(texts.map((_, i) => i + 1));
      expect(rows.map(({ fields }) => fields)).toEqual(
        texts.map((text, i) => ({ text, count: counts[i] })),
      );
    });
  });

  it("of Parquet keeps lists of objects, numbers and times as JSON would have them", async () => {
    const conversation = [{ role: "user", content: "a" }];
    const content = parquet({
      messages: [conversation, [], null],
      count: [1n, 2n, 2n ** 60n],
      when: [new Date(0), new Date(1), new Date(2)],
    });
    await inFolder(async (folder) => {
      await writeFiles(folder, { "a.parquet": content });
      const rows = await readRows(join(folder, "a.parquet"));
      expect(rows.map(({ line }) => line)).toEqual([1, 2, 3]);
      expect(rows[0]?.fields).toEqual({
        messages: conversation,
        count: 1,
        when: "1970-01-01T00:00:00.000Z",
      });
      expect(rows[2]?.fields).toMatchObject({ messages: null, count: String(2n ** 60n) });
    });
  });
});

describe("the layout of the rows", () => {
  it("of instructions is Alpaca's template, with the input where there is one", async () => {
    const rows = [
      { instruction: "a", input: "", output: "d" },
      { instruction: "a", input: "b", output: "d" },
    ];
    const set = await loadFiles({ "a.json": JSON.stringify(rows) }, tokenizer, { max: 512 });
    expect(set.format).toBe("alpaca");
    const published =
      "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\na\n\n### Response:";
    const withInput =
      "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\na\n\n### Input:\nb\n\n### Response:";
    for (const [i, prompt] of [published, withInput].entries()) {
      const ids = [1, ...tokenizer.encode(prompt)];
      expect(idsOf(set)[i]).toEqual([...ids, 6, 2]);
      expect(examplesOf(set)[i]?.promptLength).toBe(ids.length);
    }
  });

  it("of text with a label is answered with the label, unless the text alone is named", async () => {
    const files = { "a.csv": "text,label\nab,d\n" };
    expect(idsOf(await loadFiles(files, tokenizer))).toEqual([[1, 10, 8, 9, 6, 2]]);
    const named = { columns: { text: "text" } };
    expect(idsOf(await loadFiles(files, tokenizer, named))).toEqual([[1, 10, 2]]);
    const other = { "a.csv": "question,topic\nab,d\n" };
    const columns = { text: "question", label: "topic" };
    expect(idsOf(await loadFiles(other, tokenizer, { columns }))).toEqual([[1, 10, 8, 9, 6, 2]]);
  });

  it("cannot be two at once", async () => {
    const files = { "a.csv": "text,label\nab,d\n" };
    const columns = { text: "text", instruction: "label" };
    await expect(loadFiles(files, tokenizer, { columns })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("text files", () => {
  it("are documents, cut into sequences that begin with BOS; EOS stands where one ends", async () => {
    const files = { "a.txt": "abcde".repeat(3), "b.txt": "d" };
    const set = await loadFiles(files, tokenizer, { max: 8 });
    // abc d e = 11 6 7
    expect(idsOf(set)).toEqual([
      [1, 11, 6, 7, 11, 6, 7, 11],
      [1, 6, 7, 2],
      [1, 6, 2],
    ]);
    expect(set.summary).toMatchObject({ truncated: 0, skipped: 0 });
  });

  it("lose nothing where they are read in pieces", async () => {
    const text = "abcde ".repeat(30_000);
    const set = await loadFiles({ "a.txt": text }, tokenizer, { max: 1024 });
    const letters = examplesOf(set).map(({ ids }) => tokenizer.decode(ids));
    expect(letters.join("")).toBe(text);
  });

  it("of many megabytes come in pieces that split no character", async () => {
    const whole = "1é😀語 ".repeat(200_000);
    await inFolder(async (folder) => {
      await writeFiles(folder, { "a.txt": whole });
      const pieces = (await readRows(join(folder, "a.txt"))).map(({ fields: { text } }) =>
        String(text),
      );
      expect(pieces.length).toBeGreaterThan(10);
      expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
      expect(pieces.join("")).toBe(whole);
    });
  });

  it("end where they end, though with a long blank", async () => {
    const files = { "a.txt": `${"d".repeat(9)}${" ".repeat(200_000)}`, "b.txt": "e" };
    const set = await loadFiles(files, tokenizer, { max: 256 });
    expect(idsOf(set).at(-1)).toEqual([1, 7, 2]);
    expect(idsOf(set).filter((ids) => ids.includes(2))).toHaveLength(2);
  });

  it("are never cut into more ids than the context has, whatever their length", async () => {
    for (let length = 1; length <= 24; length += 1) {
      const set = await loadFiles({ "a.txt": "d".repeat(length) }, tokenizer, { max: 8 });
      const ids = idsOf(set);
      expect(Math.max(...ids.map((each) => each.length)), `${length} ids`).toBeLessThanOrEqual(8);
      expect(ids.flat().filter((id) => id === 6)).toHaveLength(length);
    }
  });

  it("in a folder are read in the order of their names, hidden ones left out", async () => {
    const files = { "in/b.txt": "b", "in/a/c.md": "c", "in/.hidden.txt": "d", "in/x.bin": "e" };
    const set = await loadFiles(files, tokenizer, { use: ["in"] });
    expect(idsOf(set)).toEqual([
      [1, 5, 2],
      [1, 4, 2],
    ]);
  });

  it("beside tables are descriptions, not data", async () => {
    const files = { "in/README.md": "b", "in/1.jsonl": '{"text":"c"}', "in/2.csv": "text\nd\n" };
    const set = await loadFiles(files, tokenizer, { use: ["in"] });
    expect(idsOf(set)).toEqual([
      [1, 5, 2],
      [1, 6, 2],
    ]);
  });

  it("or tables may lie in folders that are named like one", async () => {
    const part = parquet({ text: ["c", "d"] });
    const files = { "in/x.parquet/part-0.parquet": part, "in/x.parquet/_SUCCESS": "" };
    for (const use of [["in"], ["in/x.parquet"]]) {
      const set = await loadFiles(files, tokenizer, { use });
      expect(idsOf(set)).toEqual([
        [1, 5, 2],
        [1, 6, 2],
      ]);
    }
  });

  it("can be packed into full rows, one text after the other", async () => {
    const files = {
      "a.jsonl": ["abc", "d", "", "ed", "abcd", "a"]
        .map((text) => JSON.stringify({ text }))
        .join("\n"),
    };
    const set = await loadFiles(files, tokenizer, { max: 8, packing: "concatenate" });
    expect(idsOf(set)).toEqual([
      [1, 11, 2, 1, 6, 2, 1, 7],
      [6, 2, 1, 11, 6, 2, 1, 3],
    ]);
  });

  it("are the only ones that can be packed", async () => {
    const packed = loadFiles({ "a.jsonl": lines }, tokenizer, { packing: "concatenate" });
    await expect(packed).rejects.toMatchObject({ code: "usage" });
  });
});

describe("copies", () => {
  it("are counted, whatever their case and spaces", async () => {
    const rows = ["a b", "A  b\n", "a b c", "ａ b"].map((text) => JSON.stringify({ text }));
    const set = await loadFiles({ "a.jsonl": rows.join("\n") }, tokenizer);
    expect(set.summary).toMatchObject({ examples: 4, duplicates: 2 });
  });

  it("are no copies when prompt and completion are divided elsewhere", async () => {
    const rows = [
      { prompt: "a b", completion: "c" },
      { prompt: "a", completion: "b c" },
    ];
    const set = await loadFiles({ "a.json": JSON.stringify(rows) }, tokenizer);
    expect(set.summary.duplicates).toBe(0);
  });
});

const shared = join("..", "shared", "data");
describe("real data sets", () => {
  it.skipIf(!existsSync(shared))(
    "are read by their usual names (needs ../shared/data)",
    async () => {
      const gsm8k = join(shared, "gsm8k", "test.jsonl");
      const columns = { prompt: "question", completion: "answer" };
      const set = await loadDataset([gsm8k], columns, tokenizer, 64);
      expect(set.summary).toMatchObject({ examples: 1319, skipped: 0 });
      expect((await readRows(gsm8k)).length).toBe(1319);
    },
  );
});

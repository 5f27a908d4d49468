import { existsSync } from "node:fs";
import { join } from "node:path";
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { RowTally } from "../../../../src/training/data/examples/row-tally.ts";
import { rowText } from "../../../../src/training/data/examples/row-text.ts";
import { JsonNumber } from "../../../../src/training/data/rows/json-number.ts";
import { parseRowJson } from "../../../../src/training/data/rows/row-json.ts";
import { readRows } from "../../../../src/training/data/rows/rows.ts";
import type { Message } from "../../../../src/training/data/tokenizer/chat-template.ts";
import { rowsOfParquet, tinyTokenizer } from "./data-files.ts";

const read = (text: string) => parseRowJson(text, (what) => new Error(what));

/** As in the cases: the number of a file, and how Python's Jinja prints what Python's json reads. */
const NUMBERS: readonly (readonly [written: string, python: string])[] = [
  ["7", "7"],
  ["-0", "0"],
  ["100.0", "100.0"],
  ["0.0", "0.0"],
  ["-0.0", "-0.0"],
  ["0.10", "0.1"],
  ["1e-07", "1e-07"],
  ["1E3", "1000.0"],
  ["1e+21", "1e+21"],
  ["1e21", "1e+21"],
  ["1e16", "1e+16"],
  ["123456789012345.0", "123456789012345.0"],
  ["1234567890123456789", "1234567890123456789"],
  ["12345678901234567890123", "12345678901234567890123"],
  ["9007199254740993", "9007199254740993"],
  ["2.5", "2.5"],
];

describe("a number of a JSON file", () => {
  it.each(NUMBERS)("%s is learned as it is written there", (written) => {
    const row = { line: 1, fields: read(`{"prompt": "a", "completion": ${written}}`) as object };
    const columns = { form: "prompt", prompt: "prompt", completion: "completion" } as const;
    const layout = { columns, marks: [], asChat: false };
    const text = rowText({ ...row, fields: { ...row.fields } }, layout, "a.jsonl", new RowTally());
    expect(text).toMatchObject({ completion: written });
  });

  it.each(NUMBERS)("%s is printed by a template as Python prints it", async (written, python) => {
    const template =
      "{% for m in messages %}{{ m.n }}|{{ m.n | tojson }}|{{ [m.n] }}|{{ m.n ~ '' }}{% endfor %}";
    const tokenizer = await tinyTokenizer({}, { "chat_template.jinja": template });
    const messages = read(`[{"role": "assistant", "n": ${written}}]`) as { role: string }[];
    const text = tokenizer.chat?.render(messages, false);
    expect(text).toBe(`${python}|${python}|[${python}]|${python}`);
  });

  it("stays a number of JavaScript where that has the same text (control)", () => {
    expect(read('{"a": [7, 2.5, -3, "100.0", true], "b": "1234567890123456789"}')).toEqual({
      a: [7, 2.5, -3, "100.0", true],
      b: "1234567890123456789",
    });
    expect(read("[100.0]")).toEqual([new JsonNumber("100.0")]);
    // What JavaScript alone would make of it.
    expect(String(JSON.parse("1234567890123456789"))).toBe("1234567890123456800");
  });
});

const cases = new URL("../../../../../shared/cases/06-numbers/", import.meta.url).pathname;
describe("the rows with numbers", () => {
  it.skipIf(!existsSync(cases))("are as they are written (needs ../shared/cases)", async () => {
    const columns = { form: "prompt", prompt: "prompt", completion: "completion" } as const;
    const rows = await readRows(join(cases, "pairs.jsonl"));
    const layout = { columns, marks: [], asChat: false };
    const texts = rows.map((row) => rowText(row, layout, "pairs.jsonl", new RowTally()));
    const written = ["1234567890123456789", "100.0", "1e-07", "1e+21", "true"];
    expect(texts).toMatchObject(written.map((completion) => ({ completion })));
    const template =
      "{{ tools | tojson }}{% for m in messages %}{{ m.content }}{% for c in m.tool_calls %}{{ c.function.arguments }}{% endfor %}{% endfor %}";
    const { chat } = await tinyTokenizer({}, { "chat_template.jinja": template });
    const [row] = await readRows(join(cases, "chat.jsonl"));
    const { messages, tools } = (row?.fields ?? {}) as { messages: Message[]; tools: unknown };
    expect(chat?.render(messages, false, tools)).toBe(
      '[{"type": "function", "function": {"name": "book", "parameters": {"type": "object", "properties": {"price": {"type": "number", "minimum": 0.0, "maximum": 1e+21}}}}}]' +
        "Book seat 7.Booking.{'trip': 1234567890123456789, 'price': 100.0, 'tax': 1e-07, 'share': 0.1}",
    );
  });
});

describe("a number within a value of a Parquet file", () => {
  const schema: SchemaElement[] = [
    { name: "root", num_children: 2 },
    { name: "calls", num_children: 1, repetition_type: "OPTIONAL", converted_type: "LIST" },
    { name: "list", num_children: 1, repetition_type: "REPEATED" },
    { name: "element", num_children: 2, repetition_type: "OPTIONAL" },
    { name: "price", type: "DOUBLE", repetition_type: "OPTIONAL" },
    { name: "seats", type: "INT32", repetition_type: "OPTIONAL" },
    { name: "limits", num_children: 1, repetition_type: "OPTIONAL" },
    { name: "most", type: "DOUBLE", repetition_type: "OPTIONAL" },
  ];

  it("has a point where its column is one of floats, and none in one of ints", async () => {
    const calls = [
      { price: 100, seats: 7 },
      { price: 1.5, seats: 1 },
    ];
    const columnData = [
      { name: "calls", data: [calls] },
      { name: "limits", data: [{ most: 1e21 }] },
    ];
    const bytes = new Uint8Array(parquetWriteBuffer({ schema, columnData }));
    expect((await rowsOfParquet(bytes))[0]?.fields).toEqual({
      calls: [{ price: new JsonNumber("100.0"), seats: 7 }, calls[1]],
      limits: { most: new JsonNumber("1e+21") },
    });
  });

  it("is as it is written in a column of JSON", async () => {
    const column = { name: "tools", type: "BYTE_ARRAY", converted_type: "JSON" } as const;
    const bytes = parquetWriteBuffer({
      columnData: [{ name: "tools", data: [[{ minimum: 1.5, whole: [2, 3] }]] }],
      schema: [{ name: "root", num_children: 1 }, column],
    });
    const [row] = await rowsOfParquet(new Uint8Array(bytes));
    expect(row?.fields).toEqual({ tools: [{ minimum: 1.5, whole: [2, 3] }] });
  });
});

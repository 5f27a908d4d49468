import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { RowTally } from "../../../../src/training/data/examples/row-tally.ts";
import { rowText } from "../../../../src/training/data/examples/row-text.ts";
import { JsonNumber } from "../../../../src/training/data/rows/json-number.ts";
import { JsonObject } from "../../../../src/training/data/rows/json-object.ts";
import { parseInOrder } from "../../../../src/training/data/rows/ordered-json.ts";
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

describe("names that JavaScript would put first", () => {
  const text =
    '{"b": {"z": 1, "7": {"2": [1.0], "1": null, "a": {}}, "z": 3}, "0": "x", "c": [{"9": 9, "8": 8}]}';

  it("stay where they are in a value of a row", async () => {
    const template = "{{ messages[0].b }}{{ messages[0].c | tojson }}";
    const { chat } = await tinyTokenizer({}, { "chat_template.jinja": template });
    expect(chat?.render([read(text) as Message], false)).toBe(
      `{'z': 3, '7': {'2': [1.0], '1': None, 'a': {}}}[{"9": 9, "8": 8}]`,
    );
    // What JavaScript alone would make of it.
    expect(JSON.stringify(JSON.parse(text))).toMatch(/^\{"0":"x","b":\{"7":\{"1":null,"2"/);
  });

  it("are columns and fields like others", () => {
    const layout = {
      columns: { form: "messages", messages: "1" },
      marks: [],
      asChat: false,
    } as const;
    const fields = read('{"a": 0, "1": [{"role": "user", "3": 4, "content": "Hi"}]}') as object;
    const row = rowText({ line: 1, fields: { ...fields } }, layout, "a.jsonl", new RowTally());
    expect(row).toMatchObject({ messages: [{ role: "user", content: "Hi", 3: 4 }] });
  });

  it("are read in any JSON as JSON.parse has them", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, 2), (value, indent) => {
        const json = JSON.stringify({ "1": value, __proto__x: [value] }, null, indent);
        expect(plain(parseInOrder(json))).toEqual(plain(JSON.parse(json)));
      }),
    );
  });

  it("may be as deep as the stack is, no deeper", () => {
    const deep = `${'{"1":['.repeat(20_000)}${"]}".repeat(20_000)}`;
    expect(() => read(deep)).toThrow("it has more levels than are read");
  });
});

/** Objects and numbers of JavaScript in place of those that keep more. */
function plain(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (value instanceof JsonObject) return plain(Object.fromEntries(value.entries));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

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

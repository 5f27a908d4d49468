import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { readRows } from "../../../../src/training/data/rows/rows.ts";
import { inFolder } from "../files/tiny-model.ts";

async function rowsOf(name: string, content: string | Uint8Array) {
  return await inFolder(async (folder) => {
    const file = join(folder, name);
    await writeFile(file, content);
    return await readRows(file);
  });
}

describe("JSON Lines", () => {
  it("gives each object with its line; empty lines, CRLF and a byte order mark do not matter", async () => {
    const rows = await rowsOf("a.jsonl", '\ufeff{"a": 1}\r\n\r\n{"b": [2]}');
    expect(rows).toEqual([
      { line: 1, fields: { a: 1 } },
      { line: 3, fields: { b: [2] } },
    ]);
  });

  it("names file and line of a row that is not an object", async () => {
    await expect(rowsOf("a.jsonl", '{"a": 1}\n{"a": \n')).rejects.toThrow(
      /a\.jsonl:2: not valid JSON/,
    );
    await expect(rowsOf("a.jsonl", "[1]\n")).rejects.toThrow(
      /a\.jsonl:1: the row is not a JSON object/,
    );
  });

  it("throws nothing but a KlatchError for any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom("a.jsonl", "a.csv", "a.json", "a.tsv", "a.parquet", "a.txt"),
        async (bytes, name) => {
          await rowsOf(name, bytes).catch((error: unknown) =>
            expect(error).toBeInstanceOf(KlatchError),
          );
        },
      ),
    );
  });
});

describe("CSV", () => {
  it("names the values by the header and keeps commas, quotes and line breaks in quoted values", async () => {
    const rows = await rowsOf("a.csv", 'prompt,completion\n"a, ""b""\nc",d\ne,f\n');
    expect(rows).toEqual([
      { line: 3, fields: { prompt: 'a, "b"\nc', completion: "d" } },
      { line: 4, fields: { prompt: "e", completion: "f" } },
    ]);
  });

  it("ends a row with any line end, whatever the first line has", async () => {
    const fields = [
      { a: "1", b: "2" },
      { a: "3", b: "4" },
    ];
    for (const text of [
      "a,b\n1,2\r\n3,4\r\n",
      "a,b\r\n1,2\n3,4",
      'a,b\n1,"2"\r\n3,4\n',
      "a,b\r1,2\r3,4",
    ]) {
      const rows = await rowsOf("a.csv", text);
      expect(rows.map((row) => row.fields)).toEqual(fields);
    }
  });

  it("may have very many columns", async () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `c${i}`);
    await expect(rowsOf("a.csv", `${names.join(",")}\n`)).resolves.toEqual([]);
    await expect(rowsOf("a.csv", `${names.join(",")},c7\n`)).rejects.toThrow(
      /columns 8 and 100001 have the same name/,
    );
  });

  it("names file and line of a row that does not fit the header or is malformed", async () => {
    await expect(rowsOf("a.csv", "a,b\n1,2\n3\n")).rejects.toThrow(
      /a\.csv:3: 1 values for 2 columns/,
    );
    await expect(rowsOf("a.csv", 'a,b\n1,"2\n')).rejects.toThrow(/a\.csv:\d+: not valid CSV/);
    await expect(rowsOf("a.csv", "a,a\n1,2\n")).rejects.toThrow(/same name/);
  });
});

describe("a file of another kind", () => {
  it("is refused with what can be read", async () => {
    await expect(rowsOf("a.doc", "x")).rejects.toThrow(/"\.doc"; \.jsonl/);
    await expect(rowsOf("a.jsonl", Uint8Array.of(0xff, 0xfe))).rejects.toThrow(/not UTF-8/);
    await expect(readRows("/nowhere/a.jsonl")).rejects.toThrow(/is missing/);
  });
});

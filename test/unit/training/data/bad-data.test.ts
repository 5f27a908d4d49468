import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { readLabelledDataset } from "../../../../src/training/data/dataset/labelled.ts";
import { readRows } from "../../../../src/training/data/rows/rows.ts";
import type { Tokenizer } from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder } from "../files/tiny-model.ts";
import { type Content, loadFiles, parquet, tinyTokenizer, writeFiles } from "./data-files.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await tinyTokenizer();
});

const whole = parquet({ text: ["a", "b", "c", "d"], n: [1, 2, 3, 4] });
const utf16 = (bytes: readonly number[]) => Uint8Array.from([...bytes, 0x61, 0, 0x62, 0]);
const flipped = (at: number) => whole.map((byte, i) => (i === at ? byte ^ 0xff : byte));

/** What is in the file, and what its one error says. */
const TABLE: readonly (readonly [what: string, file: string, content: Content, says: RegExp])[] = [
  ["an empty JSON Lines file", "a.jsonl", "", /holds no example: 0 rows/],
  ["an empty CSV file", "a.csv", "", /holds no example: 0 rows/],
  ["a header without rows", "a.csv", "text\n", /holds no example: 0 rows/],
  ["an empty JSON array", "a.json", "[]", /holds no example: 0 rows/],
  ["an empty text file", "a.txt", " \n", /holds no example: 0 rows/],
  ["an empty Parquet file", "a.parquet", "", /not a whole Parquet file: it has 0 bytes/],
  ["Parquet without rows", "a.parquet", parquet({ text: [] }), /holds no example: 0 rows/],
  [
    "Parquet with other columns",
    "a.parquet",
    parquet({ body: ["a"] }),
    /a\.parquet:1: no columns prompt and completion.*the row has body/,
  ],
  [
    "half a Parquet file",
    "a.parquet",
    whole.slice(0, whole.length >> 1),
    /not a whole Parquet file: its end is missing/,
  ],
  [
    "the second half of one",
    "a.parquet",
    whole.slice(whole.length >> 1),
    /not a whole Parquet file: it does not begin like one/,
  ],
  [
    "a Parquet file with a changed footer",
    "a.parquet",
    flipped(whole.length - 7),
    /not a whole Parquet file/,
  ],
  [
    "a Parquet column of lists",
    "a.parquet",
    parquet({ text: [["a"], ["b"]] }),
    /a\.parquet:1: column text holds a list, an object or bytes/,
  ],
  [
    "a Parquet column of bytes",
    "a.parquet",
    parquet({ text: [Uint8Array.of(1, 255)] }),
    /a\.parquet:1: column text holds a list, an object or bytes/,
  ],
  ["Parquet named as JSON Lines", "a.jsonl", whole, /is a Parquet file/],
  [
    "nested values",
    "a.jsonl",
    '{"text": {"a": 1}}',
    /a\.jsonl:1: column text holds a list, an object or bytes, not text/,
  ],
  [
    "a number for messages",
    "a.jsonl",
    '{"messages": 7}',
    /a\.jsonl:1: column messages is not a list of \{role, content\}/,
  ],
  [
    "messages without roles",
    "a.jsonl",
    '{"messages": [{"content": "a"}]}',
    /is not a list of \{role, content\}/,
  ],
  [
    "a list instead of an object",
    "a.jsonl",
    '{"text":"a"}\n[1]',
    /a\.jsonl:2: the row is not a JSON object/,
  ],
  ["half a JSON line", "a.jsonl", '{"text":"a"}\n{"text":', /a\.jsonl:2: not valid JSON/],
  ["half a JSON array", "a.json", '[{"text":"a"},', /a\.json is not valid JSON/],
  ["JSON that is no list", "a.json", '"text"', /a\.json is not a list of rows/],
  ["a JSON array of words", "a.json", '["a"]', /a\.json:1: the row is not a JSON object/],
  [
    "a later row without the column",
    "a.jsonl",
    '{"text":"a"}\n{"txt":"a"}',
    /a\.jsonl:2: no column text; the row has txt/,
  ],
  [
    "duplicate headers",
    "a.csv",
    "text,text\na,b\n",
    /a\.csv:1: columns 1 and 2 have the same name/,
  ],
  ["a row with too many values", "a.csv", "text\na,b\n", /a\.csv:2: 2 values for 1 columns/],
  ["an open quote", "a.tsv", 'text\tn\n"a\t1\n', /a\.tsv:\d+: not valid TSV: a quote is opened/],
  [
    "inches in a TSV cell",
    "a.tsv",
    'text\tn\na\t1\na 5" pipe\t2\n',
    /a\.tsv:3: not valid TSV: a quote stands within a value that does not begin with one/,
  ],
  [
    "inches in a CSV cell",
    "a.csv",
    'text,n\na 5" pipe,2\n',
    /a\.csv:2: not valid CSV: a quote stands within a value that does not begin with one/,
  ],
  ["UTF-16 from Windows", "a.csv", utf16([0xff, 0xfe]), /is UTF-16, not UTF-8/],
  ["UTF-16 of the other kind", "a.jsonl", utf16([0xfe, 0xff]), /is UTF-16, not UTF-8/],
  ["Latin-1", "a.csv", Uint8Array.of(0x74, 0x65, 0x78, 0x74, 10, 0xe9, 10), /is not UTF-8 text/],
  ["a binary file", "a.txt", Uint8Array.of(1, 2, 0, 4), /is binary, not UTF-8/],
  ["a gzip file", "a.jsonl", gzipSync("{}"), /is compressed \(gzip\)/],
  ["a Zstandard file", "a.jsonl", zstdCompressSync('{"text":"a"}'), /is compressed \(Zstandard\)/],
  ["an xz file", "a.json", Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), /compressed \(xz\)/],
  ["a bzip2 file", "a.txt", Buffer.from("BZh91AY&SY"), /compressed \(bzip2\)/],
  ["an LZ4 file", "a.tsv", Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x60), /compressed \(LZ4\)/],
  ["a spreadsheet", "a.csv", Uint8Array.of(0x50, 0x4b, 3, 4), /is a zip archive or a spreadsheet/],
  ["a file of another kind", "a.xlsx", "x", /is of the kind "\.xlsx"; \.jsonl/],
  [
    "instructions without answers",
    "a.json",
    '[{"instruction":"a","output":""}]',
    /1 rows, none with text to learn/,
  ],
];

async function failure(attempt: Promise<unknown>): Promise<KlatchError> {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof KlatchError) return error;
  throw new Error(`expected an operating error, got ${String(error)}`, { cause: error });
}

describe("bad data gets one line with a hint", () => {
  it.each(TABLE)("%s", async (_, name, content, says) => {
    const error = await failure(loadFiles({ [name]: content }, tokenizer));
    expect(error.code).toBe("data");
    expect(error.message).toMatch(says);
    expect(error.message).toContain(name);
    expect(error.message).not.toContain("\n");
    expect(error.hint).not.toBe("");
  });

  it("a text that begins like a compressed file, as a control, is read", async () => {
    const text = "BZh is how bzip2 begins, as this text does.";
    expect((await loadFiles({ "a.txt": text }, tokenizer)).summary.examples).toBeGreaterThan(0);
  });

  it("a good file beside it, as a control, is read", async () => {
    expect((await loadFiles({ "a.parquet": whole }, tokenizer)).summary.examples).toBe(4);
  });

  it("a Parquet file with any byte of its footer damaged, one error and no other that nobody awaits", async () => {
    const footer = new DataView(whole.buffer).getUint32(whole.length - 8, true);
    await inFolder(async (folder) => {
      const file = join(folder, "a.parquet");
      let errors = 0;
      for (let at = whole.length - 8 - footer; at < whole.length - 8; at += 1) {
        await writeFile(
          file,
          whole.map((byte, i) => (i === at ? 0x7e : byte)),
        );
        // Some bytes do not matter to the rows; an error that nobody awaits fails the whole run of the tests.
        await readRows(file).catch((error: unknown) => {
          expect(error).toBeInstanceOf(KlatchError);
          errors += 1;
        });
      }
      expect(errors).toBeGreaterThan(footer / 10);
    });
  });

  it("a folder without data, a missing file and a missing folder", async () => {
    const empty = await failure(loadFiles({ "in/x.bin": "" }, tokenizer, { use: ["in"] }));
    expect(empty.message).toMatch(/the folder .* holds 0 files of the kinds \.jsonl/);
    const missing = await failure(loadFiles({}, tokenizer, { use: ["nowhere"] }));
    expect(missing.message).toMatch(/nowhere is missing/);
  });

  it("a label outside the set", async () => {
    await inFolder(async (folder) => {
      await writeFiles(folder, { "a.csv": "text,label\na,x\nb,z\n" });
      const read = readLabelledDataset([join(folder, "a.csv")], {}, tokenizer, 16, {
        classes: ["x", "y"],
      });
      expect((await failure(read)).message).toMatch(
        /a\.csv:3: its label is none of the 2 classes \(x, y\)/,
      );
    });
  });
});

import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { parquetMetadata, type SchemaElement } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { checkColumns, TooMuch } from "../../../../src/training/data/rows/parquet/check-columns.ts";
import {
  checkDeltaHead,
  followLengths,
} from "../../../../src/training/data/rows/parquet/deltas.ts";
import { readPageHeader } from "../../../../src/training/data/rows/parquet/page-header.ts";
import { followRuns } from "../../../../src/training/data/rows/parquet/runs.ts";
import { readStruct } from "../../../../src/training/data/rows/parquet/thrift.ts";
import { lz4Literals, rowsOfParquet } from "./data-files.ts";

const CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4", "LZ4_RAW"] as const;
/** As Hadoop frames it: the lengths unpacked and packed in front. */
function framed(input: Uint8Array): Uint8Array {
  const block = lz4Literals(input);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(input.length, 0);
  lengths.writeUInt32BE(block.length, 4);
  return Uint8Array.of(...lengths, ...block);
}
const compressors = {
  GZIP: gzipSync,
  BROTLI: brotliCompressSync,
  ZSTD: zstdCompressSync,
  LZ4: framed,
  LZ4_RAW: lz4Literals,
};
const N = 40;
const RUNS = 40;
const row = <T>(value: (i: number) => T) => Array.from({ length: N }, (_, i) => value(i));
const COLUMNS: readonly ColumnSource[] = [
  { name: "text", data: row((i) => `text ${i * i}`), type: "STRING", encoding: "PLAIN" },
  { name: "label", data: row((i) => ["x", "y", null][i % 3]), type: "STRING" },
  { name: "truth", data: row((i) => i % 2 === 0), type: "BOOLEAN" },
  { name: "number", data: Int32Array.from(row((i) => i * 7)), encoding: "DELTA_BINARY_PACKED" },
  {
    name: "long",
    data: row((i) => BigInt(i) ** 5n),
    type: "INT64",
    encoding: "DELTA_BINARY_PACKED",
  },
  {
    name: "lengths",
    data: row((i) => `a${i}`),
    type: "STRING",
    encoding: "DELTA_LENGTH_BYTE_ARRAY",
  },
  { name: "prefixes", data: row((i) => `abc${i}`), type: "STRING", encoding: "DELTA_BYTE_ARRAY" },
  { name: "split", data: Float64Array.from(row(Math.sqrt)), encoding: "BYTE_STREAM_SPLIT" },
  { name: "list", data: row((i) => [{ role: "user", content: `c${i}` }]) },
];

function file(codec: (typeof CODECS)[number]): Uint8Array {
  const columnData = COLUMNS.map((each) => ({ ...each, nullable: each.name !== "number" }));
  return new Uint8Array(
    parquetWriteBuffer({ columnData, codec, compressors, rowGroupSize: 25, pageSize: 200 }),
  );
}

/** A column of lists of objects, with the levels that say where lists begin and what is missing. */
function nestedFile(): Uint8Array {
  const text = { type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" } as const;
  const schema: SchemaElement[] = [
    { name: "root", num_children: 1 },
    { name: "messages", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
    { name: "role", ...text },
    { name: "content", ...text },
  ];
  const columnData = [{ name: "messages", data: row((i) => (i % 7 === 0 ? null : talk(i))) }];
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, pageSize: 200 }));
}
const talk = (i: number) =>
  Array.from({ length: i % 4 }, (_, k) => ({ role: k % 2 ? "user" : null, content: `c${i}-${k}` }));

describe("a Parquet file", () => {
  it.each(CODECS)("packed with %s is read whole, in every encoding", async (codec) => {
    const rows = await rowsOfParquet(file(codec));
    expect(rows.map(({ fields }) => fields)).toEqual(
      row((i) => ({
        text: `text ${i * i}`,
        label: ["x", "y", null][i % 3],
        truth: i % 2 === 0,
        number: i * 7,
        long: i ** 5,
        lengths: `a${i}`,
        prefixes: `abc${i}`,
        split: Math.sqrt(i),
        list: [{ role: "user", content: `c${i}` }],
      })),
    );
  });

  it("with lists of objects is read whole", async () => {
    const rows = await rowsOfParquet(nestedFile());
    expect(rows.map(({ fields }) => fields)).toEqual(
      row((i) => (i % 7 === 0 ? {} : { messages: talk(i) })),
    );
  });

  // Without the checks some of these never end, others fill the memory.
  const every = [
    ...CODECS.map((codec) => [codec, () => file(codec)] as const),
    ["nested", nestedFile] as const,
  ];
  it.each(every)("(%s) damaged anywhere ends, with rows or one error", async (_, write) => {
    const whole = write();
    let errors = 0;
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    const damage = fc.array(change, { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(damage, async (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      await rowsOfParquet(bytes).catch((error: unknown) => {
        expect(error).toBeInstanceOf(KlatchError);
        errors += 1;
      });
    });
    await fc.assert(property, { numRuns: RUNS });
    expect(errors).toBeGreaterThan(RUNS / 4);
  });

  it("whose page does not tell its stored size is an error, not read from its first byte for ever", async () => {
    const bytes = file("UNCOMPRESSED");
    // Of the first page behind "PAR1": fields 1 (kind), 2 (size), 3 (stored size) and 8, each told by its distance.
    expect([4, 6, 9, 12].map((at) => bytes[at])).toEqual([0x15, 0x15, 0x15, 0x5c]);
    bytes.set([0x25], 9);
    bytes.set([0x4c], 12);
    await expect(rowsOfParquet(bytes)).rejects.toThrow(
      /whole Parquet file: .* stored size missing/,
    );
  });

  it("is refused when a group has more values or bytes than are read at once", async () => {
    const bytes = file("UNCOMPRESSED");
    const metadata = parquetMetadata(bytes.buffer as ArrayBuffer);
    const [group] = metadata.row_groups;
    const slice = (from: number, to: number) => bytes.slice(from, to).buffer as ArrayBuffer;
    const limits = { bytes: 1 << 20, values: 1 << 10, fileValues: 1 << 10 };
    if (!group) throw new Error("a group");
    // Nine columns of 25 rows, and a dictionary or two.
    const values = await checkColumns(group, metadata, slice, limits);
    expect(values).toBeGreaterThan(225);
    expect(values).toBeLessThan(250);
    for (const less of [{ bytes: 1000 }, { values: 100 }, { fileValues: 225 }]) {
      const check = checkColumns(group, metadata, slice, { ...limits, ...less });
      await expect(check).rejects.toThrow(TooMuch);
    }
  });
});

describe("what a page says is refused where the library would take it at its word", () => {
  const at = (...bytes: readonly number[]) => ({ bytes: Uint8Array.from(bytes), at: 0 });
  const HUGE = [0xff, 0xff, 0xff, 0xff, 0x0f];

  it("a run of 2^31 values, a group of none, one that goes on beyond the last value", () => {
    expect(followRuns(at(8 << 1, 1), 1, 8, 1)).toBe(8);
    expect(followRuns(at(3, 0b1010_0101), 1, 8, 1)).toBe(4);
    for (const bad of [at(...HUGE, 1), at(1, 0), at(9 << 1, 1), at(8 << 1)]) {
      expect(() => followRuns(bad, 1, 8)).toThrow(RangeError);
    }
  });

  it("blocks of no parts, of parts below zero, of no values", () => {
    expect(checkDeltaHead(at(0x80, 1, 4, 5, 0))).toEqual({ parts: 4, partValues: 32 });
    for (const bad of [
      at(0x80, 1, 0, 5),
      at(0x80, 1, ...HUGE, 5),
      at(0, 4, 5),
      at(0x81, 1, 4, 5),
    ]) {
      expect(() => checkDeltaHead(bad)).toThrow(RangeError);
    }
  });

  it("lengths that add up to more than the page has", () => {
    // A first one of 8, then two more, each by a difference of 8 without any bit of its own.
    expect(followLengths(at(0x80, 1, 4, 3, 16, 16, 0, 0, 0, 0), 3)).toBe(8 + 16 + 24);
  });

  it("2^31 values of a page, and a list longer than the bytes there are", () => {
    const header = (values: readonly number[]) =>
      at(0x15, 0, 0x15, 2, 0x15, 2, 0x2c, 0x15, ...values, 0x15, 0, 0, 0, 9);
    expect(readPageHeader(header([80])).values).toBe(40);
    expect(() => readPageHeader(header([0x80, 0x80, 0x80, 0x80, 0x10]))).toThrow(RangeError);
    expect(() => readStruct(at(0x19, 0xf5, ...HUGE.slice(0, 4), 7), 1000)).toThrow(/a list of/);
  });

  it("structs nested without end, and more values than any file has", () => {
    expect(() => readStruct(at(...new Array<number>(100).fill(0x1c)), 1000)).toThrow(/too deep/);
    const many = [0x19, 0xa5, ...new Array<number>(10).fill(2), 0];
    expect(readStruct(at(...many), 11).size).toBe(1);
    expect(() => readStruct(at(...many), 10)).toThrow(/more values/);
  });
});

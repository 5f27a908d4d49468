import { expect, test } from "vitest";
import { crc32c, eventFile } from "../../../../src/node/view/event-file.ts";

/** The parts of a record, whose sums are as TFRecord has them. */
function recordsOf(file: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(file);
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    const sums = [bytes.readUInt32LE(at + 8), bytes.readUInt32LE(at + 12 + length)];
    expect(sums).toEqual([bytes.subarray(at, at + 8), data].map(maskedSum));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** By the formula of TFRecord's description, with numbers as large as they get. */
function maskedSum(bytes: Uint8Array): number {
  const crc = BigInt(crc32c(bytes));
  return Number((((crc >> 15n) | ((crc << 17n) & 0xffffffffn)) + 0xa282ead8n) & 0xffffffffn);
}

test.each([
  // RFC 3720, B.4
  ["32 bytes of zeros", Buffer.alloc(32), 0x8a9136aa],
  ["32 bytes of ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
  ["32 bytes that count up", Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ["the digits", Buffer.from("123456789"), 0xe3069283],
])("CRC-32C of %s", (_, bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum);
});

const at = Date.UTC(2026, 0, 1);
const scalars = [
  { step: 1, at, values: { "loss/training": 2.5, "loss/held_out": Number.NaN } },
  { step: 300, at: at + 1500, values: { "loss/training": 1.25, "bytes/sent": 16_777_216 } },
];

test("a file has its version, then a record for each step, without what is no number", () => {
  const [version, first, second, ...more] = recordsOf(eventFile(scalars));
  expect(more).toEqual([]);
  expect(version?.toString("latin1")).toContain("brain.Event:2");
  expect(first?.toString("latin1")).toContain("loss/training");
  expect(first?.toString("latin1")).not.toContain("loss/held_out");
  // field 1, a double: seconds
  expect([second?.[0], second?.readDoubleLE(1)]).toEqual([0x09, (at + 1500) / 1000]);
  // field 2, a varint: 300
  expect(second?.subarray(9, 12)).toEqual(Buffer.from([0x10, 0xac, 0x02]));
});

test("an empty history is a file with its version alone", () => {
  expect(recordsOf(eventFile([]))).toHaveLength(1);
});

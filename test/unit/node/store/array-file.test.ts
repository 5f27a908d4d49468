import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ArrayRecord,
  decodeRecord,
  encodeRecord,
} from "../../../../src/node/store/array-file.ts";
import { fromCheckpoint, toCheckpoint } from "../../../../src/node/store/state-files.ts";
import { RUN, sampleCheckpoint } from "../node-samples.ts";

const fileOf = (record: ArrayRecord): Uint8Array => Buffer.concat(encodeRecord(record));

test("any record comes back as it was", () => {
  const section = fc.tuple(fc.string({ maxLength: 16 }), fc.uint8Array({ maxLength: 200 }));
  const record = fc.record({
    kind: fc.string({ maxLength: 8 }),
    fields: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== "__proto__"),
      fc.oneof(fc.string({ maxLength: 20 }), fc.integer(), fc.constant(null)),
      { maxKeys: 5, noNullPrototype: true },
    ),
    sections: fc.array(section, { maxLength: 6 }).map((list) => new Map(list)),
  });

  fc.assert(
    fc.property(record, (original) => {
      const decoded = decodeRecord(fileOf(original));
      if (typeof decoded === "string") throw new Error(decoded);
      expect(decoded.kind).toBe(original.kind);
      expect(decoded.fields).toEqual(original.fields);
      expect([...decoded.sections.keys()]).toEqual([...original.sections.keys()]);
      for (const [name, bytes] of original.sections) {
        expect(Buffer.compare(decoded.sections.get(name) ?? Buffer.alloc(0), bytes)).toBe(0);
      }
    }),
  );
});

test("a checkpoint has room for the tracks of a thousand neighbours, under names as long as peer ids", () => {
  const name = (place: number) => `of.12D3KooW${String(place).padStart(44, "Q")}`;
  const tracks = Array.from({ length: 1000 }, (_, i) => [name(i), Float32Array.of(i)] as const);
  const checkpoint = { ...sampleCheckpoint(5), memory: Object.fromEntries(tracks) };

  const decoded = decodeRecord(fileOf(fromCheckpoint(checkpoint)));

  if (typeof decoded === "string") throw new Error(decoded);
  expect(toCheckpoint(decoded, RUN, 5)).toEqual(checkpoint);
});

test("a thousand random mutations of a checkpoint are all noticed", () => {
  const intact = fileOf(fromCheckpoint(sampleCheckpoint(5)));
  const position = fc.nat({ max: intact.length - 1 });
  const flip = fc
    .array(fc.tuple(position, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((flips) => {
      const bytes = Uint8Array.from(intact);
      for (const [at, bits] of flips) bytes[at] = (bytes[at] ?? 0) ^ bits;
      return bytes;
    });
  const cut = position.map((length) => intact.slice(0, length));
  const grown = fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map((more) => Uint8Array.from([...intact, ...more]));
  const moved = fc.tuple(position, position).map(([from, to]) => {
    const bytes = Uint8Array.from(intact);
    bytes.copyWithin(Math.min(from, to), Math.max(from, to));
    return bytes;
  });
  let noticed = 0;

  fc.assert(
    fc.property(fc.oneof(flip, cut, grown, moved), (bytes) => {
      fc.pre(Buffer.compare(bytes, intact) !== 0);
      expect(decodeRecord(bytes)).toBeTypeOf("string");
      noticed += 1;
    }),
    { numRuns: 1000 },
  );

  expect(noticed).toBe(1000);
});

test("the intact file is read, so that noticing is not refusing everything", () => {
  const decoded = decodeRecord(fileOf(fromCheckpoint(sampleCheckpoint(5))));

  if (typeof decoded === "string") throw new Error(decoded);
  expect(toCheckpoint(decoded, RUN, 5)).toEqual(sampleCheckpoint(5));
  expect(toCheckpoint(decoded, RUN, 6)).toBe("it belongs to another round");
});

test("what the gradient's transforms remember is kept where they do, and takes no room where not", () => {
  const plain = sampleCheckpoint(5);
  const transforms = [null, { seen: 3, orders: [1.5, 2] }];
  const checkpoint = { ...plain, optimizer: { ...plain.optimizer, transforms } };
  const decoded = decodeRecord(fileOf(fromCheckpoint(checkpoint)));

  if (typeof decoded === "string") throw new Error(decoded);
  expect(toCheckpoint(decoded, RUN, 5)).toEqual(checkpoint);
  expect([...fromCheckpoint(plain).sections.keys()]).not.toContain("transforms");
  const sections = new Map([...decoded.sections, ["transforms", Buffer.from("[1,")]]);
  expect(toCheckpoint({ ...decoded, sections }, RUN, 5)).toMatch(/fit/);
});

test("arbitrary bytes are refused without an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decodeRecord(bytes)).toBeTypeOf("string");
    }),
  );
});

test("a well-signed file with a foreign header is refused by its content", () => {
  const other = (fields: ArrayRecord["fields"], sections: ArrayRecord["sections"]) => {
    const decoded = decodeRecord(fileOf({ kind: "checkpoint", fields, sections }));
    return typeof decoded === "string" ? decoded : toCheckpoint(decoded, RUN, 1);
  };
  const good = { run: RUN, round: 1, sequence: 1, step: 1 };
  const arrays = new Map(
    ["adapter", "firstMoment", "secondMoment", "ledger"].map((name) => [name, new Uint8Array(8)]),
  );

  expect(other(good, arrays)).toMatchObject({ round: 1 });
  expect(other({ ...good, step: -1 }, arrays)).toBe("its fields are malformed");
  expect(other({ ...good, extra: 1 }, arrays)).toBe("its fields are malformed");
  expect(other(good, new Map([...arrays, ["adapter", new Uint8Array(7)]]))).toMatch(/fit/);
  expect(other(good, new Map([...arrays, ["firstMoment", new Uint8Array(4)]]))).toMatch(/fit/);
  expect(other(good, new Map([["adapter", new Uint8Array(8)]]))).toMatch(/fit/);
});

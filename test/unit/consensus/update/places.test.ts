import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  PlacesReader,
  PlacesWriter,
  placesBits,
  placesBytes,
} from "../../../../src/consensus/update/codecs/places.ts";
import { Selection } from "../../../../src/consensus/update/codecs/selection.ts";

function written(
  chunks: readonly Uint16Array[],
  length: number,
  size = sizeOf(chunks, length),
): Uint8Array {
  const bytes = new Uint8Array(size);
  const writer = new PlacesWriter(bytes);
  for (const places of chunks) writer.write(places, places.length, length);
  writer.end();
  return bytes;
}

function sizeOf(chunks: readonly Uint16Array[], length: number): number {
  const count = chunks[0]?.length ?? 0;
  return placesBytes({ chunks: chunks.length, count, length }, { count: 0, length: 0 });
}

function readBack(bytes: Uint8Array, chunks: number, count: number, length: number) {
  const reader = new PlacesReader(bytes);
  const found = Array.from({ length: chunks }, () => {
    const places = new Uint16Array(count);
    reader.read(places, count, length);
    return places;
  });
  return { found, isExact: reader.isExact() };
}

/** log2 of the binomial coefficient: what telling such places apart takes at least. */
function entropy(count: number, length: number): number {
  let bits = 0;
  for (let index = 1; index <= count; index += 1)
    bits += Math.log2((length - count + index) / index);
  return bits;
}

const some = (count: number, place: (index: number) => number) =>
  Uint16Array.from({ length: count }, (_, index) => place(index));

const PATTERNS = (count: number, length: number): readonly Uint16Array[] => [
  some(count, (index) => index),
  some(count, (index) => length - count + index),
  some(count, (index) => Math.floor((index * length) / count)),
  some(count, (index) => (index < count / 2 ? index : length - count + index)),
];

describe("the places of values that are told", () => {
  it.each([
    [64, 4096],
    [1024, 4096],
    [128, 256],
  ])("%i of %i take at most 1.01 times the entropy bound, whichever they are", (count, length) => {
    const chunks = 132;
    const bound = (chunks * entropy(count, length)) / 8;

    for (const pattern of PATTERNS(count, length)) {
      const all = Array.from({ length: chunks }, () => pattern);
      const bytes = written(all, length);
      expect(readBack(bytes, chunks, count, length)).toEqual({ found: all, isExact: true });
      expect(bytes.length).toBeLessThan(1.01 * bound);
      // no code of a fixed size for all choices is below the bound
      expect(bytes.length).toBeGreaterThan(bound);
    }
  });

  it("would take 1.6 times the bound as numbers of 12 bits, and 1.08 times as Elias-Fano (controls)", () => {
    const bound = entropy(64, 4096);

    expect((64 * 12) / bound).toBeGreaterThan(1.6);
    expect((64 * 6 + 128) / bound).toBeGreaterThan(1.08);
  });

  it("come back whatever they are, and never need more than was promised", () => {
    const choices = fc
      .integer({ min: 1, max: 4096 })
      .chain((length) =>
        fc.tuple(
          fc.constant(length),
          fc.uniqueArray(fc.nat(length - 1), { minLength: 1, maxLength: 200 }),
        ),
      );
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 4 }), ([length, list], chunks) => {
        const places = Uint16Array.from(list).sort();
        const all = Array.from({ length: chunks }, () => places);
        const bytes = written(all, length);
        expect(readBack(bytes, chunks, places.length, length)).toEqual({
          found: all,
          isExact: true,
        });
        // what it wrote ends before the bytes do
        expect(written(all, length, bytes.length + 1).subarray(0, -1)).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it("have one code: of two that are read alike only the writer's is exact", () => {
    const bytes = written([some(64, (index) => 60 * index)], 4096);
    const last = bytes.length - 1;
    const other = Uint8Array.from(bytes);
    other[last] = (other[last] as number) ^ 1;

    const [own, foreign] = [bytes, other].map((each) => readBack(each, 1, 64, 4096));
    expect(foreign?.found).toEqual(own?.found);
    expect([own?.isExact, foreign?.isExact]).toEqual([true, false]);
  });

  it("are read from any bytes as many as asked for, ascending and in their chunk", () => {
    const bytes = fc.uint8Array({ maxLength: 70 });
    fc.assert(
      fc.property(
        bytes,
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 64, max: 4096 }),
        (input, count, length) => {
          const [places] = readBack(input, 1, count, length).found;
          for (const [index, place] of places?.entries() ?? []) {
            expect(place).toBeLessThan(length);
            if (index > 0) expect(place).toBeGreaterThan(places?.[index - 1] as number);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("have as many bits as the binomial coefficient", () => {
    expect(placesBits(2, 4)).toBe(3);
    expect(placesBits(0, 4096)).toBe(1);
    expect(placesBits(64, 4096)).toBe(Math.floor(entropy(64, 4096)) + 1);
  });
});

describe("the selection", () => {
  it("takes the largest magnitudes, and of equals the first, as sorting does", () => {
    const values = fc.array(
      fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1, -1)),
      { minLength: 1, maxLength: 300 },
    );
    const selection = new Selection(300);
    fc.assert(
      fc.property(values, fc.nat(299), (list, most) => {
        const floats = Float32Array.from(list);
        const count = Math.min(list.length, most + 1);
        const magnitude = (place: number) => Math.abs(floats[place] as number);
        const sorted = [...floats.keys()].sort((a, b) => magnitude(b) - magnitude(a) || a - b);
        selection.take(new Uint32Array(floats.buffer), count);
        expect([...selection.places.subarray(0, count)]).toEqual(
          sorted.slice(0, count).sort((a, b) => a - b),
        );
      }),
      { numRuns: 2000 },
    );
  });
});

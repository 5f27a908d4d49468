import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mutateAndDecode } from "../../../../scripts/codec-mutations/mutations.ts";
import { CODECS, type Codec, type CodecName } from "../../../../src/consensus/index.ts";
import { KlatchError } from "../../../../src/errors.ts";

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
/** About 8.5e37, a single-precision number. */
const LIMIT = 2 ** 126;
/** Where int8 has levels: below half a level of the largest float. */
const moderate = fc.float({ min: -LIMIT, max: LIMIT, noNaN: true });
const valuesOf = (value: fc.Arbitrary<number>) =>
  fc.array(value, { maxLength: 40 }).map((list) => Float32Array.from(list));

function decoded(codec: Codec, bytes: Uint8Array, length: number): Float32Array {
  const result = codec.decode(bytes, length);
  if (!result.ok) throw new Error(`refused: ${result.reason}`);
  return result.values;
}

// Where a check is made thousands of times it is a plain condition: an `expect` costs more than what it looks at.

/** Normal deviates from a fixed linear congruential sequence (Box-Muller). */
function gaussian(count: number): Float32Array {
  let state = 42;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

function relativeError(values: Float32Array, others: Float32Array): number {
  let error = 0;
  let total = 0;
  for (const [index, value] of values.entries()) {
    error += (value - (others[index] ?? 0)) ** 2;
    total += value ** 2;
  }
  return Math.sqrt(error / total);
}

describe("float32", () => {
  it("gives back every finite value, bit for bit", () => {
    fc.assert(
      fc.property(valuesOf(finite), (values) => {
        const bytes = CODECS.float32.encode(values);
        const back = decoded(CODECS.float32, bytes, values.length);
        const isSame = Buffer.compare(Buffer.from(back.buffer), Buffer.from(values.buffer)) === 0;
        return isSame && bytes.byteLength === 12 + 4 * values.length;
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses values that are not finite", () => {
    const bytes = CODECS.float32.encode(Float32Array.of(1, 2));
    new DataView(bytes.buffer).setFloat32(16, Number.NaN, true);
    expect(CODECS.float32.decode(bytes, 2)).toEqual({ ok: false, reason: "non-finite" });
  });
});

describe("int8", () => {
  it("lays out a header, one exponent for 1024 values, and one level for each", () => {
    const bytes = CODECS.int8.encode(Float32Array.of(1, -0.5, 0.25));
    // 1 = 64 * 2^-6 is the smallest scale for which 1 stays at 127 or below: 1 * 2^7 = 128 does not
    expect([...bytes.subarray(12)]).toEqual([256 - 6, 64, 256 - 32, 16]);
    expect(bytes.byteLength).toBe(CODECS.int8.size(3));
    expect(CODECS.int8.size(1025)).toBe(12 + 2 + 1025);
  });

  it("is off by at most 1/127 of the largest magnitude of the chunk", () => {
    fc.assert(
      fc.property(valuesOf(moderate), (values) => {
        const back = decoded(CODECS.int8, CODECS.int8.encode(values), values.length);
        const largest = Math.max(0, ...values.map(Math.abs));
        const errors = Array.from(values, (value, i) => Math.abs(value - (back[i] ?? Number.NaN)));
        return Math.max(0, ...errors) <= Math.max(largest / 127, 2 ** -122);
      }),
      { numRuns: 3000 },
    );
  });

  it("encodes what it decoded to the same bytes", () => {
    fc.assert(
      fc.property(valuesOf(moderate), (values) => {
        const bytes = CODECS.int8.encode(values);
        const again = CODECS.int8.encode(decoded(CODECS.int8, bytes, values.length));
        return Buffer.compare(again, bytes) === 0;
      }),
      { numRuns: 3000 },
    );
  });

  it("scales every chunk on its own: a large value does not blind the others", () => {
    const values = new Float32Array(2048).fill(1e-3);
    values[0] = 1000;
    const back = decoded(CODECS.int8, CODECS.int8.encode(values), 2048);
    // same chunk as 1000: steps of 2^4 = 16; next chunk: steps of 2^-16, 1e-3 * 65536 = 65.5 -> 66 levels
    expect(back[1]).toBe(0);
    expect(back[1024]).toBe(66 / 65536);
  });

  it("loses about one part in a hundred of Gaussian values, and four bits would lose over a tenth", () => {
    const values = gaussian(100_000);
    const back = decoded(CODECS.int8, CODECS.int8.encode(values), values.length);
    // largest of 1024 deviates: 3.0 to 4.5, so a step of 2^-5 (up to 3.98) or 2^-4; step / sqrt(12) = 0.9 % or 1.8 %
    expect(relativeError(values, back)).toBeLessThan(0.013);
    expect(relativeError(values, back)).toBeGreaterThan(0.008);
    // the control: with a step of 1/2 the same measure is 0.5 / sqrt(12) = 14 %
    const coarse = values.map((value) => Math.round(2 * value) / 2);
    expect(relativeError(values, coarse)).toBeGreaterThan(0.1);
  });

  it("spends 1.001 bytes on a value", () => {
    expect(CODECS.int8.size(1_000_000) / 1_000_000).toBeLessThan(1.0011);
  });

  it("refuses to encode what is too large for a level, and what is not finite", () => {
    for (const value of [3.4e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => CODECS.int8.encode(Float32Array.of(0, value))).toThrow(KlatchError);
    }
    expect(() => CODECS.float32.encode(Float32Array.of(Number.NaN))).toThrow(/diverged/);
  });
});

describe("codecs of few bits", () => {
  it("lay out a header, an exponent for 256 values, and codes from the lowest bits on", () => {
    const four = CODECS.int4.encode(Float32Array.of(7, -7, 1));
    expect([...four.subarray(12)]).toEqual([0, 0x97, 0x01]);
    const two = CODECS.int2.encode(Float32Array.of(3, -3, 1, -1, 3));
    expect([...two.subarray(12)]).toEqual([0, 0b10_00_11_01, 0b01]);
    const one = CODECS.sign.encode(Float32Array.of(1, -1, -1, 1, 1, 1, 1, 1, -1));
    expect([...one.subarray(12)]).toEqual([0, 0b110, 0b1]);
    const none = CODECS.sign.encode(new Float32Array(9));
    expect([...none.subarray(12)]).toEqual([256 - 128, 0, 0]);
  });

  it.each([
    ["int4", 4.04, 0.97],
    ["int2", 2.04, 0.87],
    ["sign", 1.04, 0.59],
    // an eighth more than sign for a thirtieth more bits
    ["ternary", 1.064, 0.64],
    ["sparse", 0.15, 0.11],
    ["masked", 0.256, 0.1],
  ] as const)(
    "%s takes %f bits a value and captures %f of Gaussian energy",
    (name, bits, captured) => {
      const values = gaussian(100_000);
      const bytes = CODECS[name].encode(values);
      expect((8 * bytes.length) / values.length).toBeLessThan(bits);
      // 0.9885, 0.8812 and 0.6366 with the best scale (Max 1960): a power of two is up to 1.41 times off it
      const error = relativeError(values, decoded(CODECS[name], bytes, values.length));
      expect(1 - error ** 2).toBeGreaterThan(captured);
      // what is lost has no part of what was told: feedback adds up to the whole
      expect(error).toBeLessThan(1);
    },
  );
});

/** On Gaussian values, at most; a codec without a line here does not compile. */
const RELATIVE_ERROR: Readonly<Record<CodecName, number>> = {
  int8: 0.013,
  float32: 0,
  int4: 0.16,
  int2: 0.37,
  sign: 0.66,
  ternary: 0.63,
  sparse: 0.95,
  masked: 0.96,
};

describe.each(Object.values(CODECS))("the $name decoder", (codec) => {
  const values = gaussian(1100);
  const bytes = codec.encode(values);

  it("refuses another number of values before it allocates them", () => {
    expect(codec.decode(bytes, 1101)).toEqual({ ok: false, reason: "wrong-shape" });
    expect(codec.decode(bytes, 2 ** 40)).toEqual({ ok: false, reason: "wrong-shape" });
  });

  it("refuses every truncation and every trailing byte", () => {
    const lengths = Array.from(bytes.keys());
    const taken = lengths.filter((length) => codec.decode(bytes.subarray(0, length), 1100).ok);
    expect(taken).toEqual([]);
    expect(codec.decode(Buffer.concat([bytes, Buffer.of(0)]), 1100).ok).toBe(false);
  });

  it("turns every flipped bit into finite values or a refusal, and never throws", () => {
    let refused = 0;
    const notFinite: number[] = [];
    for (let bit = 0; bit < 8 * 1400; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      const index = bit >>> 3;
      if (index >= flipped.byteLength) break;
      flipped[index] = (flipped[index] ?? 0) ^ (1 << (bit & 7));
      const result = codec.decode(flipped, 1100);
      if (!result.ok) refused += 1;
      else if (!result.values.every(Number.isFinite)) notFinite.push(bit);
    }
    expect(notFinite).toEqual([]);
    // at least the 96 bits of the header
    expect(refused).toBeGreaterThanOrEqual(96);
  });

  it("gives back what was encoded as nearly as it promises", () => {
    expect(relativeError(values, decoded(codec, bytes, values.length))).toBeLessThanOrEqual(
      RELATIVE_ERROR[codec.name],
    );
    expect(bytes.byteLength).toBe(codec.size(values.length));
  });

  it("is canonical: what it decoded encodes to the same bytes", () => {
    fc.assert(
      fc.property(valuesOf(moderate), (list) => {
        const once = codec.encode(list);
        const again = codec.encode(decoded(codec, once, list.length));
        return Buffer.compare(again, once) === 0;
      }),
    );
  });

  it("takes no bytes that it would not have made", () => {
    const inputs = fc.nat(600).chain((length) => {
      const body = codec.size(length) - 12;
      return fc.tuple(fc.constant(length), fc.uint8Array({ minLength: body, maxLength: body }));
    });
    fc.assert(
      fc.property(inputs, ([length, body]) => {
        const header = codec.encode(new Float32Array(length)).subarray(0, 12);
        const input = Buffer.concat([header, body]);
        const result = codec.decode(input, length);
        return !result.ok || Buffer.compare(codec.encode(result.values), input) === 0;
      }),
      { numRuns: 2000 },
    );
  });

  it("survives a hundred thousand mutations, and takes none that it would not have made", () => {
    const { refused, foreign, worstMs } = mutateAndDecode(codec, 100_000, 1);

    expect(foreign).toBe(0);
    expect(refused).toBeGreaterThan(5000);
    expect(worstMs).toBeLessThan(50);
  });

  it("has an encoder that refuses what is not finite", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => codec.encode(Float32Array.of(0, value))).toThrow(KlatchError);
    }
  });

  it("survives ten thousand arbitrary inputs", () => {
    const header = bytes.subarray(0, 12);
    const anything = fc.uint8Array({ maxLength: 80 });
    const withHeader = anything.map((tail) => Buffer.concat([header, tail]));
    fc.assert(
      fc.property(fc.oneof(anything, withHeader), fc.nat(2000), (input, length) => {
        const result = codec.decode(input, length);
        return !result.ok || result.values.length === length;
      }),
      { numRuns: 10_000 },
    );
  });
});

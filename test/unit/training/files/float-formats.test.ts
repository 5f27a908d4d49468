import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBf16,
  decodeF16,
  encodeBf16,
  encodeF16,
} from "../../../../src/training/files/float-formats.ts";

const bytesOf = (...halves: number[]) => new Uint8Array(Uint16Array.from(halves).buffer);
const decoded = (decode: (bytes: Uint8Array, target: Float32Array) => void, bytes: Uint8Array) => {
  const target = new Float32Array(bytes.length / 2);
  decode(bytes, target);
  return target;
};
const bf16Of = (x: number) => [...new Uint16Array(encodeBf16(Float32Array.of(x)).buffer)];

describe("bfloat16", () => {
  it("reads the upper half of a float", () => {
    // 1.0 = 0x3f800000, -2.5 = 0xc0200000
    expect([...decoded(decodeBf16, bytesOf(0x3f80, 0xc020, 0x7f80))]).toEqual([
      1,
      -2.5,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it("rounds to the nearest value, ties to the even one", () => {
    // Between 1 (0x3f80) and 1 + 2^-7 (0x3f81): the middle 1 + 2^-8 goes to the even 0x3f80,
    // the middle 1 + 3 * 2^-8 of 0x3f81 and 0x3f82 to the even 0x3f82.
    expect(bf16Of(1 + 2 ** -8)).toEqual([0x3f80]);
    expect(bf16Of(1 + 2 ** -8 + 2 ** -16)).toEqual([0x3f81]);
    expect(bf16Of(1 + 3 * 2 ** -8)).toEqual([0x3f82]);
  });

  it("keeps NaN a NaN, also one whose payload lies in the lost half", () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001).buffer);
    expect(decoded(decodeBf16, encodeBf16(nan))[0]).toBeNaN();
  });

  it("returns every representable value unchanged and any other within 2^-8 of itself", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -(2 ** 99), max: 2 ** 99 }), (x) => {
        const once = decoded(decodeBf16, encodeBf16(Float32Array.of(x)));
        const twice = decoded(decodeBf16, encodeBf16(once));
        expect([...twice]).toEqual([...once]);
        expect(Math.abs((once[0] ?? 0) - x)).toBeLessThanOrEqual(Math.abs(x) * 2 ** -8 + 1e-38);
      }),
    );
  });
});

describe("half precision", () => {
  it("reads normal, subnormal and special values", () => {
    // 0x3c00 = 1, 0xc100 = -2.5, 0x7bff = 65504, 0x0001 = 2^-24
    const read = decoded(decodeF16, bytesOf(0x3c00, 0xc100, 0x7bff, 0x0001, 0xfc00, 0x7e00));
    expect([...read]).toEqual([1, -2.5, 65_504, 2 ** -24, Number.NEGATIVE_INFINITY, Number.NaN]);
  });

  it("writes every one of its values as it was read", () => {
    const all = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer);
    const values = decoded(decodeF16, all);
    const again = decoded(decodeF16, encodeF16(values));
    expect(values.findIndex((x, i) => !Object.is(x, again[i]))).toBe(-1);
  });

  it("rounds to the nearest of its values, ties to the even one", () => {
    const bits = fc.integer({ min: 0, max: 0x7bff });
    fc.assert(
      fc.property(bits, fc.double({ min: 0, max: 1, noNaN: true }), (low, share) => {
        const [a = 0, b = 0] = decoded(decodeF16, bytesOf(low, low + 1));
        const above = low === 0x7bff ? 65_536 : b;
        const x = Math.fround(a + share * (above - a));
        const [found] = new Uint16Array(encodeF16(Float32Array.of(x, 0)).buffer);
        const [down, up] = [x - a, above - x];
        const tie = low % 2 === 0 ? low : low + 1;
        expect(found).toBe(down === up ? tie : down < up ? low : low + 1);
      }),
      { numRuns: 1000 },
    );
  });
});

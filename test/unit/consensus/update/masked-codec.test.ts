import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODECS, COMMON_RULES } from "../../../../src/consensus/index.ts";

const { masked } = CODECS;
const SEED = 7;

/** The places that are told in a round: values without a zero decode to some without one. */
function told(length: number, round: number, seed = SEED, values?: Float32Array): number[] {
  const all = values ?? new Float32Array(length).fill(1);
  const decoded = masked.decode(masked.encode(all, { seed, round }), length, { seed, round });
  if (!decoded.ok) throw new Error(decoded.reason);
  return [...decoded.values.keys()].filter((place) => decoded.values[place] !== 0);
}

describe("the mask", () => {
  it("is the same for all members, whatever they tell, and another in another run", () => {
    const others = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i + 1));

    expect(told(1000, 3, SEED, others)).toEqual(told(1000, 3));
    expect(told(1000, 3)).toHaveLength(125);
    // the control: of another seed's places about one in eight is the same
    const same = told(1000, 3, 8).filter((place) => told(1000, 3).includes(place));
    expect(same.length).toBeLessThan(40);
  });

  it("tells each value once in eight rounds, and of a shorter last block at least once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(1000), (length, first) => {
        const times = new Array<number>(length).fill(0);
        for (let round = first; round < first + 8; round += 1) {
          for (const place of told(length, round)) times[place] = (times[place] ?? 0) + 1;
        }
        const whole = length - (length % 8);
        expect(times.slice(0, whole).every((count) => count === 1)).toBe(true);
        expect(times.slice(whole).every((count) => count >= 1)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("leaves a median something to do, which values that each picks itself do not", () => {
    const members = [1, 2, 3, 4, 5].map((member) =>
      Float32Array.from({ length: 8192 }, (_, i) => 1 + Math.sin(i * i * member + i)),
    );
    const left = (name: "masked" | "sparse") => {
      const updates = members.map((values) => {
        const decoded = CODECS[name].decode(CODECS[name].encode(values), 8192);
        if (!decoded.ok) throw new Error(decoded.reason);
        return decoded.values;
      });
      const shares = updates.map(() => 0.2);
      return COMMON_RULES.median({ updates, shares, attackersMax: 1 }).filter((at) => at !== 0)
        .length;
    };

    expect(left("masked")).toBe(1024);
    expect(left("sparse")).toBeLessThan(13);
  });

  it("reads in the round that it was made for, and elsewhere other places", () => {
    const values = new Float32Array(64).fill(1);
    const bytes = masked.encode(values, { seed: SEED, round: 4 });
    const [own, other] = [4, 5].map((round) => masked.decode(bytes, 64, { seed: SEED, round }));

    expect(own?.ok && other?.ok && own.values).not.toEqual(other?.ok && other.values);
  });

  it("refuses what is not finite, told or not", () => {
    for (let place = 0; place < 8; place += 1) {
      const values = new Float32Array(8);
      values[place] = Number.NaN;
      expect(() => masked.encode(values)).toThrow(/diverged/);
    }
  });
});

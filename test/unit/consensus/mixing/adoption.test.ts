import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adoptedState } from "../../../../src/consensus/index.ts";

const at = (peer: string, ...values: number[]) => ({ peer, state: Float32Array.from(values) });

describe("the state that a late node takes over", () => {
  test("is the mean of the tightest majority", () => {
    const candidates = [at("a", 1, 0), at("b", 1.2, 0), at("c", 0.8, 0), at("evil", 50, 50)];

    const adopted = adoptedState(candidates, 1);

    expect(adopted?.peers.toSorted()).toEqual(["a", "b", "c"]);
    expect(adopted?.state[0]).toBeCloseTo(1, 6);
  });

  test("is nobody's where liars could be all there are", () => {
    expect(adoptedState([at("a", 1)], 1)).toBeNull();
    expect(adoptedState([], 0)).toBeNull();
  });

  test("of two, one of whom may lie, lies between them", () => {
    expect(adoptedState([at("a", 0), at("b", 4)], 1)?.state[0]).toBe(2);
  });

  test("stays near the honest ones whatever a minority of liars sends, and plain mean does not (control)", () => {
    const numbers = fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), {
      minLength: 2,
      maxLength: 2,
    });
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 2, maxLength: 2 }), (lies) => {
        const honest = ["a", "b", "c", "d", "e"].map((peer, i) => at(peer, 1 + 0.1 * i, -1));
        const liars = lies.map((values, i) => at(`z${i}`, ...values));
        const adopted = adoptedState([...honest, ...liars], 2)?.state ?? new Float32Array(2);
        // A group with an honest member is at most as wide as all honest ones together, and its mean no farther off.
        expect(Math.hypot((adopted[0] ?? 0) - 1.2, (adopted[1] ?? 0) + 1)).toBeLessThan(1);
      }),
    );
    const mean = (1.2 * 5 + 2 * 1_000_000) / 7;
    expect(Math.abs(mean - 1.2)).toBeGreaterThan(1);
  });
});

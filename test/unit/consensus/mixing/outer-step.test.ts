import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstPoint, outerStep } from "../../../../src/consensus/mixing/outer-step.ts";

const array = fc.float32Array({ minLength: 4, maxLength: 4, noNaN: true, min: -8, max: 8 });
const ones = Float32Array.of(1, 1, 1, 1);

describe("the outer step", () => {
  it("adds the mix as it is without momentum", () => {
    fc.assert(
      fc.property(array, array, (theta, mix) => {
        const terms = { rate: 1, momentum: 0 };
        const { theta: next, velocity } = outerStep(firstPoint(theta, terms), mix, terms);
        expect(velocity).toBeNull();
        expect(next).toEqual(theta.map((at, i) => at + (mix[i] ?? 0)));
      }),
    );
  });

  it("moves further where mixes agree, and comes to 1 / (1 - momentum) of them", () => {
    const terms = { rate: 1, momentum: 0.5 };
    let point = firstPoint(new Float32Array(4), terms);
    const moved: number[] = [];
    for (let round = 0; round < 30; round++) {
      const next = outerStep(point, ones, terms);
      moved.push((next.theta[0] ?? 0) - (point.theta[0] ?? 0));
      point = next;
    }
    // 1 + 0.5 * 1, then 1 + 0.5 * 1.5
    expect(moved.slice(0, 2)).toEqual([1.5, 1.75]);
    expect(moved.at(-1)).toBeCloseTo(2, 5);
  });

  it("is carried by rate", () => {
    const terms = { rate: 0.5, momentum: 0.5 };
    const { theta, velocity } = outerStep(firstPoint(new Float32Array(4), terms), ones, terms);
    expect(theta[0]).toBe(0.75);
    expect(velocity).toEqual(ones);
  });

  it("gives the same bits from what is kept", () => {
    fc.assert(
      fc.property(array, array, array, (theta, first, second) => {
        const terms = { rate: 1, momentum: 0.4 };
        const half = outerStep(firstPoint(theta, terms), first, terms);
        const kept = { theta: half.theta.slice(), velocity: half.velocity?.slice() ?? null };
        expect(outerStep(kept, second, terms)).toEqual(outerStep(half, second, terms));
      }),
    );
  });

  it("remembers nothing longer than it may, and then moves by that", () => {
    const terms = { rate: 1, momentum: 0.5 };
    const first = firstPoint(new Float32Array(4), terms);
    // the mix has norm 2: of that, half
    const { theta, velocity } = outerStep(first, ones, terms, 1);
    expect(velocity).toEqual(Float32Array.of(0.5, 0.5, 0.5, 0.5));
    expect(theta[0]).toBe(1.25);
    // control
    expect(outerStep(first, ones, terms, 2)).toEqual(outerStep(first, ones, terms));
  });
});

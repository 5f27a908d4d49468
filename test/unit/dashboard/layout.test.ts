import { describe, expect, test } from "vitest";
import { edgeWidth, places, REACH } from "../../../src/dashboard/layout.ts";

describe("places in the picture of the network", () => {
  test.each([1, 2, 3, 4, 10, 36, 37, 60, 100, 200])("of %d peers do not overlap", (count) => {
    const all = places(count);

    expect(all).toHaveLength(count);
    for (const [i, a] of all.entries()) {
      expect(Math.hypot(a.x, a.y)).toBeLessThanOrEqual(REACH + 1e-9);
      expect(a.radius).toBeGreaterThan(1);
      // the node itself is in the middle
      expect(Math.hypot(a.x, a.y)).toBeGreaterThan(11 + a.radius);
      for (const b of all.slice(i + 1)) {
        expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(a.radius + b.radius);
      }
    }
  });

  test("of no peers are none", () => {
    expect(places(0)).toEqual([]);
  });
});

test("edges are wider with more bytes, and seen without any", () => {
  const widths = [0, 1000, 50_000, 100_000].map((bytes) => edgeWidth(bytes, 100_000, 4));

  expect(widths).toEqual([...widths].sort((a, b) => a - b));
  expect(new Set(widths).size).toBe(4);
  expect(edgeWidth(0, 0, 4)).toBeGreaterThan(0);
  expect(edgeWidth(1, 1, 100)).toBeLessThan(edgeWidth(1, 1, 4));
});

import { expect, test } from "vitest";
import { Allowance } from "../../../../src/gossip/connections/allowance.ts";

test("an allowance is so much at once and so much in a second, and no more for patience", () => {
  const allowance = new Allowance({ burst: 10, perSecond: 2 }, 0);
  expect([4, 6, 1].map((amount) => allowance.take(amount, 0))).toEqual([true, true, false]);
  expect(allowance.take(2, 1000)).toBe(true);
  expect(allowance.take(1, 1000)).toBe(false);
  expect(allowance.take(10, 1_000_000)).toBe(true);
  expect(allowance.take(1, 1_000_000)).toBe(false);
});

test("an allowance is given back up to its burst, and a clock that goes back gives nothing", () => {
  const allowance = new Allowance({ burst: 10, perSecond: 2 }, 1000);
  allowance.give(1000);
  expect(allowance.take(11, 1000)).toBe(false);
  expect(allowance.take(10, 1000)).toBe(true);
  expect(allowance.take(1, 0)).toBe(false);
});

import { expect, test } from "vitest";
import { ArenaBudget } from "../../../../src/training/engine/arena-budget.ts";

test("lends what there is, and what comes back again", () => {
  let bytesMax = 10;
  const budget = new ArenaBudget(() => bytesMax);

  expect([budget.take(6), budget.take(6), budget.take(4)]).toEqual([true, false, true]);
  budget.giveBack(6);
  expect([budget.take(7), budget.take(6)]).toEqual([false, true]);
  bytesMax = 12;
  expect([budget.take(3), budget.take(2)]).toEqual([false, true]);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judgeGate, rowsToJudge } from "../../../src/reputation/index.ts";

const peers = (count: number): string[] => Array.from({ length: count }, (_, i) => `p${i}`);
const judge = (stepped: readonly number[], vetoesMax = 2, base = 2) =>
  judgeGate({ base, stepped, peers: peers(stepped.length), vetoesMax });

test("gains are relative changes of the loss", () => {
  // (2 - 1.9) / 2 = 0.05; (2 - 2.2) / 2 = -0.1.
  const [up, down] = judge([1.9, 2.2]).gains;
  expect(up).toBeCloseTo(0.05, 12);
  expect(down).toBeCloseTo(-0.1, 12);
});

test("the harmful outlier is vetoed, the rest is not", () => {
  expect(judge([1.9, 1.91, 1.92, 1.9, 2.6]).vetoed).toEqual(["p4"]);
});

test("nobody is vetoed where everyone harms alike: then this node is the odd one out", () => {
  expect(judge([2.3, 2.31, 2.32, 2.3, 2.33]).vetoed).toEqual([]);
});

test("where every step hurts, standing out takes half of the usual harm more", () => {
  // Gains -0.2 four times: the margin is 0.5 · 0.2 = 0.1, so -0.29 stays and -0.31 goes.
  expect(judge([2.4, 2.4, 2.4, 2.4, 2.58]).vetoed).toEqual([]);
  expect(judge([2.4, 2.4, 2.4, 2.4, 2.62]).vetoed).toEqual(["p4"]);
});

test("an outlier that does no harm is not vetoed", () => {
  expect(judge([1.2, 1.21, 1.2, 1.22, 1.95]).vetoed).toEqual([]);
});

test("a loss that is no number is the worst of all", () => {
  expect(judge([1.9, Number.NaN, 1.92, 3, 1.9]).vetoed).toEqual(["p1", "p3"]);
  expect(judge([Number.NaN, Number.POSITIVE_INFINITY, Number.NaN, 1.9], 3).vetoed).toHaveLength(3);
});

test("never more vetoes than allowed, and none when none is allowed", () => {
  expect(judge([1.9, 1.9, 1.9, 1.9, 9, 8, 7], 2).vetoed).toEqual(["p4", "p5"]);
  expect(judge([1.9, 1.9, 1.9, 9], 0).vetoed).toEqual([]);
});

test("with one or two candidates the node's own loss is the measure", () => {
  // 2 % of 2 is 0.04: 2.05 is beyond the margin, 2.03 is not.
  expect(judge([2.05]).vetoed).toEqual(["p0"]);
  expect(judge([2.03]).vetoed).toEqual([]);
  expect(judge([1.5, 2.5]).vetoed).toEqual(["p1"]);
});

test("a verdict never depends on the order of the candidates and never exceeds its limit", () => {
  const loss = fc.double({ min: 0, max: 10, noNaN: false });
  fc.assert(
    fc.property(fc.array(loss, { maxLength: 12 }), fc.nat(4), (stepped, vetoesMax) => {
      const names = peers(stepped.length);
      const forward = judgeGate({ base: 2, stepped, peers: names, vetoesMax });
      const backward = judgeGate({
        base: 2,
        stepped: [...stepped].reverse(),
        peers: [...names].reverse(),
        vetoesMax,
      });

      expect(forward.vetoed.length).toBeLessThanOrEqual(vetoesMax);
      expect(backward.vetoed).toEqual(forward.vetoed);
    }),
  );
});

test("no candidates, no verdict", () => {
  expect(judge([])).toEqual({ gains: [], vetoed: [] });
});

describe("rows to judge by", () => {
  test("leave judging a tenth of what training costs", () => {
    // 640 trained examples cost as much as 1,280 that are read; a tenth of that reads 11 rows at eleven states.
    expect(rowsToJudge("auto", { updates: 10, trained: 640 })).toBe(11);
  });

  test("are six at least, however many updates there are, and 32 at most", () => {
    expect(rowsToJudge("auto", { updates: 50, trained: 320 })).toBe(6);
    expect(rowsToJudge("auto", { updates: 3, trained: 10_000 })).toBe(32);
  });

  test("are what somebody asked for, whatever it costs", () => {
    expect(rowsToJudge(100, { updates: 50, trained: 1 })).toBe(100);
  });
});

import { describe, expect, test } from "vitest";
import { judgeAndMix, type MixRequest } from "../../../src/node/mixing.ts";
import type { Learner } from "../../../src/training/index.ts";

/** A learner whose loss is the squared distance to the origin: its gradient points to zero. */
function distanceLearner(heldOutRows: number): Pick<Learner, "probe" | "info"> {
  const loss = (values: Float32Array) => values.reduce((sum, x) => sum + x * x, 0) + 1;
  return {
    info: { data: { heldOut: { examples: heldOutRows } } } as Learner["info"],
    async probe(own, candidates, { step }) {
      const towards = (state: Float32Array) => own.map((x, i) => x + step * ((state[i] ?? 0) - x));
      return { base: loss(own), stepped: candidates.map((state) => loss(towards(state))) };
    },
  };
}

/** Four neighbours near the origin and one that pulls away from it. */
function request(changes: Partial<MixRequest> = {}): MixRequest {
  const states: [string, number][] = [
    ["anna", 0.9],
    ["bert", 0.8],
    ["cleo", 0.7],
    ["dora", 1.1],
    ["evil", 30],
  ];
  return {
    round: 0,
    own: Float32Array.of(1),
    candidates: states.map(([peer, x]) => ({ peer, state: Float32Array.of(x), share: 1 / 6 })),
    rule: "mean",
    attackersMax: 1,
    fullShare: 1 / 6,
    gate: { enabled: true, rows: 8, step: 0.2, marginMin: 0.01, madFactor: 4 },
    ...changes,
  };
}

describe("judging and mixing", () => {
  test("vetoes the neighbour that harms the private examples and gives its share to oneself", async () => {
    const outcome = await judgeAndMix(distanceLearner(8), request());

    expect(outcome.vetoed).toEqual(["evil"]);
    // (0.9 + 0.8 + 0.7 + 1.1) / 6 + 1 * 2/6 = 0.91666…
    expect(outcome.adapter[0]).toBeCloseTo(0.916667, 5);
    expect(outcome.mixed.map(({ peer }) => peer)).toEqual(["anna", "bert", "cleo", "dora"]);
  });

  test("takes the liar in when nothing guards it (the control)", async () => {
    const gate = { ...request().gate, enabled: false };

    const outcome = await judgeAndMix(distanceLearner(8), request({ gate }));

    // (1 + 0.9 + 0.8 + 0.7 + 1.1 + 30) / 6
    expect(outcome.adapter[0]).toBeCloseTo(5.75, 5);
  });

  test("does without the gate when there are no held-out examples", async () => {
    const outcome = await judgeAndMix(distanceLearner(0), request());

    expect(outcome.vetoed).toEqual([]);
    expect(outcome.gains.size).toBe(0);
  });

  test("leaves out neighbours without a share", async () => {
    const candidates = request().candidates.map((candidate) => ({ ...candidate, share: 0 }));

    const outcome = await judgeAndMix(distanceLearner(8), request({ candidates }));

    expect(outcome.adapter).toEqual(Float32Array.of(1));
    expect(outcome.mixed).toEqual([]);
  });
});

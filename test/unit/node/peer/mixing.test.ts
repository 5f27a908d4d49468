import { describe, expect, test } from "vitest";
import { configSchema } from "../../../../src/node/config/config.ts";
import { judgeAndMix, type MixRequest } from "../../../../src/node/peer/judging.ts";
import type { Learner } from "../../../../src/training/index.ts";

/** A learner whose loss is the squared distance to the origin: its gradient points to zero. */
function distanceLearner(heldOutRows: number): Pick<Learner, "probe" | "evaluate" | "info"> {
  const loss = (values: Float32Array) => values.reduce((sum, x) => sum + x * x, 0) + 1;
  return {
    info: { data: { heldOut: { examples: heldOutRows } } } as Learner["info"],
    async evaluate(adapter) {
      return { loss: loss(adapter), perplexity: 1, exactMatch: 0, tokens: 1, examples: 1 };
    },
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
    candidates: states.map(([peer, x]) => ({
      peer,
      state: Float32Array.of(x),
      share: 1 / 6,
      trust: 1,
    })),
    rule: "mean",
    attackersMax: 1,
    gate: { ...configSchema.parse({}).gate, step: 0.2 },
    trained: 320,
    heldOutBefore: null,
    ...changes,
  };
}

describe("judging and mixing", () => {
  test("vetoes the neighbour that harms the private examples and spreads its share", async () => {
    const outcome = await judgeAndMix(distanceLearner(8), request());

    expect(outcome.vetoed).toEqual(["evil"]);
    // shares 1/6 * (5/6) / (4/6) = 5/24: (0.9 + 0.8 + 0.7 + 1.1) * 5/24 + 1 * 4/24 = 0.895833…
    expect(outcome.adapter[0]).toBeCloseTo(0.895833, 5);
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

  test("gives the share of a neighbour that sent nothing to oneself", async () => {
    const candidates = request().candidates.map((candidate) =>
      candidate.peer === "evil" ? { ...candidate, state: null } : candidate,
    );

    const outcome = await judgeAndMix(distanceLearner(8), request({ candidates }));

    // (0.9 + 0.8 + 0.7 + 1.1) / 6 + 1 * 2/6 = 0.916666…
    expect(outcome.adapter[0]).toBeCloseTo(0.916667, 5);
  });

  test("never spreads the shares of more than b excluded neighbours", async () => {
    const candidates = request().candidates.map((candidate) =>
      candidate.peer === "anna" ? candidate : { ...candidate, trust: 0 },
    );

    const outcome = await judgeAndMix(distanceLearner(0), request({ candidates }));

    // one of four excluded is spread: 1/6 * (5/6) / (4/6) = 5/24, not 5/6
    expect(outcome.mixed).toEqual([{ peer: "anna", share: expect.closeTo(5 / 24, 9) }]);
  });

  test("leaves out the isolated and mixes nothing when all are", async () => {
    const candidates = request().candidates.map((candidate) => ({ ...candidate, trust: 0 }));

    const outcome = await judgeAndMix(distanceLearner(8), request({ candidates }));

    expect(outcome.adapter).toEqual(Float32Array.of(1));
    expect(outcome.mixed).toEqual([]);
  });

  test("does not take a mix that ruins the held-out loss", async () => {
    // Two liars where one was assumed: the gate may veto only one of them.
    const candidates = request().candidates.map((candidate, i) =>
      i > 2 ? { ...candidate, state: Float32Array.of(30) } : candidate,
    );

    const outcome = await judgeAndMix(
      distanceLearner(8),
      request({ candidates, heldOutBefore: 2 }),
    );

    expect(outcome.refusedMix).toBe(true);
    expect(outcome.adapter).toEqual(Float32Array.of(1));
    expect(outcome.heldOutLoss).toBe(2);
  });
});

import { describe, expect, test } from "vitest";
import { normOf, type OuterTerms } from "../../../../src/consensus/index.ts";
import { configSchema } from "../../../../src/node/config/config.ts";
import type { MixOutcome } from "../../../../src/node/peer/judging.ts";
import { type MixedRound, type MovedOn, moveOn } from "../../../../src/node/peer/moving-on.ts";
import type { Learner } from "../../../../src/training/index.ts";

const GATE = configSchema.parse({}).gate;
const NESTEROV: OuterTerms = { rate: 1, momentum: 0.5 };
const NONE: OuterTerms = { rate: 1, momentum: 0 };

/** A learner whose loss is one more than the first value, and no number of what is no number. */
const learner: Pick<Learner, "evaluate" | "info"> = {
  info: { data: { heldOut: { examples: 8 } } } as Learner["info"],
  evaluate: async ([first = 0]) => {
    return { loss: 1 + first, perplexity: 1, exactMatch: 0, tokens: 1, examples: 1 };
  },
};

/** A round that began at nothing, whose training moved by one, and whose mix with others moved so far. */
function round(moved: number, change: Partial<MixedRound> = {}): MixedRound {
  const outcome: MixOutcome = {
    ...{ adapter: Float32Array.of(moved, 0), heldOutLoss: 1 + moved, refusedMix: false },
    ...{ mixed: [{ peer: "anna", share: 0.5 }], vetoed: [], gains: new Map() },
  };
  const [start, own] = [new Float32Array(2), Float32Array.of(1, 0)];
  return { start, own, outcome, velocity: null, ...change };
}

const step = (of: MixedRound, outer = NESTEROV, gate = GATE) =>
  moveOn(learner, of, { outer, gate });

/** So many rounds that each move so far from where the one before led, of which training moves by one. */
async function rounds(
  count: number,
  moved: number,
): Promise<readonly (MovedOn & { by: number })[]> {
  const all: (MovedOn & { by: number })[] = [];
  for (let i = 0; i < count; i += 1) {
    const { velocity = null } = all.at(-1) ?? {};
    // each begins at nothing: only what it is moved by counts
    const next = await step(round(moved, { velocity }));
    all.push({ ...next, by: next.adapter[0] ?? 0 });
  }
  return all;
}

describe("the outer step of mode gossip", () => {
  test("is the mix itself without momentum", async () => {
    const of = round(0.3);
    const next = await step(of, NONE);

    expect(next.adapter).toBe(of.outcome.adapter);
    expect(next).toMatchObject({ velocity: null, heldOutLoss: 1.3, refusedStep: false });
  });

  test("goes on by what rounds moved it by, and tells the loss of where it leads", async () => {
    const [first, second] = await rounds(2, 0.5);

    // 0.5 + 0.5 * 0.5, then 0.5 + 0.5 * (0.5 * 0.5 + 0.5)
    expect([first?.by, second?.by]).toEqual([0.75, 0.875]);
    expect(first?.velocity).toEqual(Float32Array.of(0.5, 0));
    expect(first?.heldOutLoss).toBe(1.75);
  });

  test("brings a lasting bias of others to 1 / (1 - momentum) of it and no further", async () => {
    const moved = (await rounds(40, 0.5)).map(({ by }) => by);

    expect(moved.at(-1)).toBeCloseTo(1, 6);
    expect(Math.max(...moved)).toBeLessThanOrEqual(1);
  });

  test("remembers no more than the own training would come to, however far others pull", async () => {
    const all = await rounds(40, 3);

    // training moves by 1: 1 / (1 - 0.5)
    for (const { velocity } of all)
      expect(normOf(velocity ?? new Float32Array(2))).toBeLessThanOrEqual(2);
    expect(all.at(-1)?.by).toBeCloseTo(3 + 0.5 * 2, 6);
    // control: unbounded it would come to 3 / (1 - 0.5) = 6
    expect(all.at(-1)?.by).toBeLessThan(6);
  });

  test("leaves a round alone that mixed nothing of others, and remembers what was before", async () => {
    const velocity = Float32Array.of(0.25, 0);
    const of = round(0.5, { velocity });
    const alone = { ...of, outcome: { ...of.outcome, mixed: [] } };

    expect(await step(alone)).toMatchObject({ adapter: of.outcome.adapter, velocity });
    // control
    expect((await step(of)).adapter).not.toEqual(of.outcome.adapter);
  });

  test("is not taken where it would ruin the held-out loss, and then nothing is remembered", async () => {
    // the mix lies at -0.95, loss 0.05; the step leads to 0.05, loss 1.05
    const velocity = Float32Array.of(4, 0);
    const of = round(-0.95, { velocity, own: Float32Array.of(8, 0) });
    const refused = await step(of);

    expect(refused).toMatchObject({ velocity: null, refusedStep: true });
    expect(refused.adapter).toBe(of.outcome.adapter);
    expect(refused.heldOutLoss).toBe(of.outcome.heldOutLoss);
    // control
    const taken = await step(of, NESTEROV, { ...GATE, enabled: false });
    expect(taken).toMatchObject({ refusedStep: false });
    expect(taken.adapter[0]).toBeGreaterThan(-0.5);
  });

  test("needs no held-out examples", async () => {
    const of = round(0.5);
    const blind = { ...of, outcome: { ...of.outcome, heldOutLoss: null } };
    const mute = {
      ...learner,
      evaluate: () => Promise.reject(new Error("there is nothing to look at")),
    };
    const next = await moveOn(mute, blind, { outer: NESTEROV, gate: GATE });

    expect(next).toMatchObject({ heldOutLoss: null, refusedStep: false });
    expect(next.adapter[0]).toBe(0.75);
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { createLearner } from "../../../../src/training/index.ts";
import type { Learner } from "../../../../src/training/learner/learner.ts";
import { tinyOptions, writeTinyFolder } from "./model-folder.ts";

let folder: string;
let learner: Learner;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-learner-"));
  await writeTinyFolder(folder);
  learner = await createLearner(tinyOptions(folder));
});

afterAll(async () => {
  await learner.close();
  await rm(folder, { recursive: true });
});

async function fresh(steps: number, round = 0) {
  const adapter = await learner.initialAdapter();
  return { adapter, optimizer: learner.initialOptimizer(), round, steps };
}

describe("a learner in its worker", () => {
  test("tells what it opened", () => {
    const { train, heldOut, test, testSeenInTraining } = learner.info.data;
    // 24 rows, a quarter to be held out; they are eight copies of three, and copies stay together.
    expect([train.examples, heldOut.examples, test.examples]).toEqual([16, 8, 24]);
    expect(testSeenInTraining).toBe(24);
    // Two layers; rank 2 on q [8, 8], v [4, 8] and down [8, 6]: rank * (in + out) each.
    expect(learner.info.layout.length).toBe(2 * 2 * (8 + 8 + (8 + 4) + (6 + 8)));
    expect(learner.info.layout.tensors[0]?.name).toBe(
      "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
    );
  });

  test("plans the memory of its longest batch", async () => {
    const plan = await learner.planMemory();
    // Batches of 4 rows; prompt, completion and end of the longest row, without the last token.
    // BOS, abc, the separator, xyz and EOS are ten ids, nine positions, for which programs of 12 are made.
    expect(plan).toMatchObject({ rows: 4, length: 12, rowsThatFit: 4, recompute: false });
    // The adapter, two gradients and two moments.
    expect(plan.optimiser).toBe(5 * 4 * learner.info.layout.length);
    // In a program each matrix is packed for its product and, but for the first block's q, k and v, for its gradient.
    // What is not only multiplied stays as it is too: the tied embedding and the norms.
    const embedding = 259 * 8;
    const [firstQkv, matrices, norms] = [
      8 * (8 + 4 + 4),
      2 * 8 * (8 + 4 + 4 + 8 + 6 + 6 + 6),
      5 * 8,
    ];
    const packed = 2 * (matrices + embedding) - firstQkv;
    const weights = 4 * (learner.info.parameters + packed + embedding + norms);
    expect(plan.weights).toBeGreaterThanOrEqual(weights);
    // And the program's own tables: rotations, the numbers of the vocabulary.
    expect(plan.weights).toBeLessThan(weights + 2048);
    // At least the logits [rows * length, 259] and their shares.
    expect(plan.activations).toBeGreaterThan(2 * 4 * plan.rows * plan.length * 259);
    expect(plan.total).toBe(plan.weights + plan.activations + plan.optimiser);
    expect(plan.available).toBeGreaterThan(plan.total);
  });

  test("learns: the loss on the test set falls", async () => {
    const request = await fresh(60);
    const before = await learner.evaluate(request.adapter, "test");
    const trained = await learner.train(request);
    const after = await learner.evaluate(trained.adapter, "test");
    expect(after.loss).toBeLessThan(0.8 * before.loss);
    expect(after.perplexity).toBeCloseTo(Math.exp(after.loss), 6);
    expect(after.examples).toBe(24);
    expect(trained.optimizer.step).toBe(60);
  });

  test("gives the same bytes for the same request, and leaves the request as it was", async () => {
    const request = await fresh(5);
    const kept = request.adapter.slice();
    const first = await learner.train(request);
    const second = await learner.train(request);
    expect(second.adapter).toEqual(first.adapter);
    expect(second.optimizer).toEqual(first.optimizer);
    expect(second.loss).toBe(first.loss);
    expect(request.adapter).toEqual(kept);
    expect(first.adapter).not.toEqual(kept);
  });

  test.each([
    [4, 0],
    [1, 1e-4],
  ])(
    "trains alike with its blocks recomputed in runs of %i rows, to %d",
    async (microBatch, slack) => {
      const request = await fresh(3);
      const whole = await learner.train(request);
      const other = await createLearner({ ...tinyOptions(folder), recompute: "on", microBatch });
      expect(await other.planMemory()).toMatchObject({ rows: microBatch, recompute: true });
      const { adapter } = await other.train(request);
      await other.close();
      const apart = adapter.map((x, i) => Math.abs(x - (whole.adapter[i] ?? Number.NaN)));
      expect(Math.max(...apart)).toBeLessThanOrEqual(slack);
    },
  );

  test("resumes: two rounds of three steps are one of six", async () => {
    const whole = await learner.train(await fresh(6));
    const half = await learner.train(await fresh(3));
    const { adapter, optimizer } = half;
    const rest = await learner.train({ adapter, optimizer, round: 1, steps: 3 });
    expect(rest.adapter).toEqual(whole.adapter);
    expect(rest.optimizer).toEqual(whole.optimizer);
  });

  test.each(["both", "alternate"] as const)(
    "goes on in the middle of a round to the same bytes, with %s factors",
    async (factors) => {
      const other = await createLearner({ ...tinyOptions(folder), factors });
      const first = await other.train(await fresh(4));
      const start = { adapter: first.adapter, optimizer: first.optimizer, round: 1 };
      const whole = await other.train({ ...start, steps: 5 });
      const part = await other.train({ ...start, steps: 2 });
      const later = { ...part, round: 1, steps: 3 };
      const begun = { steps: 2, watch: part.watch, start: first.adapter };
      const rest = await other.train({ ...later, begun });
      const another = await other.train(later);
      await other.close();
      expect(rest.adapter).toEqual(whole.adapter);
      expect(rest.optimizer).toEqual(whole.optimizer);
      expect(rest.watch).toEqual(whole.watch);
      // control: where factors take turns, the steps of a moment follow from where the round began
      if (factors === "alternate") expect(another.adapter).not.toEqual(whole.adapter);
    },
  );

  test("probes the base and small steps towards candidates on the same rows", async () => {
    const { adapter } = await fresh(0);
    const trained = await learner.train(await fresh(40));
    const options = { round: 3, rows: 4, step: 0.5 };
    const found = await learner.probe(adapter, [adapter, trained.adapter], options);
    expect(found.stepped[0]).toBe(found.base);
    expect(found.stepped[1]).toBeLessThan(found.base);
    const half = adapter.map((x, i) => x + 0.5 * ((trained.adapter[i] ?? 0) - x));
    const direct = await learner.probe(half, [], options);
    expect(direct.base).toBe(found.stepped[1]);
    // the rows lie side by side, and lose what each loses alone; control: at another state they lose something else
    const { loss = 0 } = await learner.evaluate(trained.adapter, "held-out");
    const { base } = await learner.probe(trained.adapter, [], { ...options, rows: 8 });
    expect(base).toBeCloseTo(loss, 5);
    expect(found.base).not.toBeCloseTo(loss, 5);
  });

  test("tells the loss of the rows that it probes, and how it falls there", async () => {
    const { adapter: begin } = await fresh(0);
    const { adapter } = await learner.train(await fresh(10));
    const drawn = { round: 3, rows: 4 };
    const { base, gradient } = await learner.slope(adapter, drawn);
    const step = 1e-3;
    const { base: probed, stepped } = await learner.probe(adapter, [begin], { ...drawn, step });
    expect(base).toBeCloseTo(probed, 4);
    const along = gradient.reduce(
      (sum, slope, i) => sum + slope * ((begin[i] ?? 0) - (adapter[i] ?? 0)),
      0,
    );
    // back to where it began the loss rises, as the gradient says to first order
    expect(along).toBeGreaterThan(0);
    expect(((stepped[0] ?? 0) - probed) / step).toBeCloseTo(along, 1);
    // control: fewer rows have another slope
    expect((await learner.slope(adapter, { ...drawn, rows: 1 })).gradient).not.toEqual(gradient);
  });

  test("generates the same text for the same seed, within the token limit", async () => {
    const { adapter } = await fresh(0);
    const ask = (temperature: number, seed: number) =>
      learner.generate(adapter, { prompt: "abc", maxTokens: 8, temperature, seed });
    expect(await ask(0, 1)).toBe(await ask(0, 2));
    expect(await ask(1, 1)).toBe(await ask(1, 1));
    // Control: other seeds draw other texts.
    const drawn = new Set(await Promise.all([1, 2, 3, 4].map((seed) => ask(3, seed))));
    expect(drawn.size).toBeGreaterThan(1);
  });

  test("exports an adapter that it imports again, bit for bit", async () => {
    const { adapter } = await learner.train(await fresh(2));
    await learner.exportAdapter(adapter, join(folder, "adapter"));
    expect(await learner.importAdapter(join(folder, "adapter"))).toEqual(adapter);
  });

  test("stops between steps when told to, and goes on serving", async () => {
    const controller = new AbortController();
    const running = learner.train(await fresh(1_000_000), controller.signal);
    setImmediate(() => controller.abort());
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    await expect(learner.train(await fresh(1))).resolves.toMatchObject({
      tokens: expect.any(Number),
    });
  });

  test("reports divergence as such", async () => {
    const request = await fresh(1);
    request.adapter.fill(Number.NaN);
    await expect(learner.train(request)).rejects.toMatchObject({ code: "diverged" });
  });
});

describe.each([
  ["both", [0]],
  ["ffa", [0, 1]],
  ["alternate", [0, 1]],
] as const)("the factor schedule %s", (factors, rounds) => {
  let each: Learner;
  beforeAll(async () => {
    each = await createLearner({ ...tinyOptions(folder), factors });
  });
  afterAll(() => each.close());

  /** Which factors' values and moments two steps of a round change. */
  const changedIn = async (round: number) => {
    const adapter = await each.initialAdapter();
    const optimizer = each.initialOptimizer();
    const result = await each.train({ adapter, optimizer, round, steps: 2 });
    const { tensors } = each.info.layout;
    const changed = (before: Float32Array, after: Float32Array, factor: string) =>
      tensors.some(({ name, offset, shape }) => {
        if (!name.includes(`lora_${factor}`)) return false;
        const end = offset + shape.reduce((a, b) => a * b, 1);
        return before.subarray(offset, end).some((x, i) => x !== after[offset + i]);
      });
    return Object.fromEntries(
      ["A", "B"].map((factor) => [
        factor,
        {
          values: changed(adapter, result.adapter, factor),
          moments: changed(optimizer.secondMoment, result.optimizer.secondMoment, factor),
        },
      ]),
    );
  };
  const still = { values: false, moments: false };
  const moved = { values: true, moments: true };
  const expected = {
    // B is zero at the start, so the very first gradient of A is zero: two steps give A moments too.
    both: [{ A: moved, B: moved }],
    ffa: [
      { A: still, B: moved },
      { A: still, B: moved },
    ],
    alternate: [
      { A: still, B: moved },
      // Weight decay moves A; with B = 0 its gradient, and so its moments, stay zero.
      { A: { values: true, moments: false }, B: still },
    ],
  } as const;

  test.each(rounds)("trains its factors and no other in round %i", async (round) => {
    expect(await changedIn(round)).toEqual(expected[factors][round]);
  });
});

describe("two learners in one process", () => {
  let other: Learner;
  beforeAll(async () => {
    other = await createLearner(tinyOptions(folder));
  });
  afterAll(() => other.close());

  test("work side by side and agree", async () => {
    const request = await fresh(4);
    const [a, b] = await Promise.all([learner.train(request), other.train(request)]);
    expect(b.adapter).toEqual(a.adapter);
  });

  test("end apart: one that is closed refuses, and closing it twice is fine", async () => {
    const adapter = await other.initialAdapter();
    await other.close();
    await other.close();
    await expect(other.evaluate(adapter, "test")).rejects.toBeInstanceOf(KlatchError);
    await expect(learner.evaluate(adapter, "test")).resolves.toMatchObject({ examples: 24 });
  });
});

describe("what cannot be opened", () => {
  test("says so with a code and a hint", async () => {
    const options = tinyOptions(folder);
    await expect(createLearner({ ...options, model: join(folder, "none") })).rejects.toMatchObject({
      code: "data",
    });
    await expect(createLearner({ ...options, threads: 0 })).rejects.toMatchObject({
      code: "usage",
    });
    const adapter = { ...options.adapter, targets: ["x"] };
    await expect(createLearner({ ...options, adapter })).rejects.toBeInstanceOf(KlatchError);
  });
});

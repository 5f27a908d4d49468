import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLearner } from "../../../../src/training/index.ts";
import type { Learner, LearnerOptions } from "../../../../src/training/learner/learner.ts";
import {
  type AloneEvent,
  type AloneOptions,
  trainAlone,
} from "../../../../src/training/learner/train-alone.ts";
import { tinyOptions, writeTinyFolder } from "./model-folder.ts";

let folder: string;
/** Keeps nothing between two trainings. */
let learner: Learner;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-alone-"));
  await writeTinyFolder(folder);
  learner = await createLearner(tinyOptions(folder));
});

afterAll(async () => {
  await learner.close();
  await rm(folder, { recursive: true });
});

/** Every event of a training alone, and its result. */
async function run(
  options: Partial<AloneOptions>,
  stopAt = Number.POSITIVE_INFINITY,
  by = learner,
) {
  const events: AloneEvent[] = [];
  const settings = { steps: 20, evaluateEvery: 5, patience: 0, ...options };
  const controller = new AbortController();
  for await (const event of trainAlone(by, settings, controller.signal)) {
    events.push(event);
    if (event.kind === "step" && event.metrics.step === stopAt) controller.abort();
  }
  const last = events.at(-1);
  if (last?.kind !== "end") throw new Error("no result");
  return { events, result: last.result };
}

/** The same by a learner of its own. */
async function runAnother(changes: Partial<LearnerOptions>, options: Partial<AloneOptions>) {
  const other = await createLearner({ ...tinyOptions(folder), ...changes });
  try {
    return await run(options, undefined, other);
  } finally {
    await other.close();
  }
}

const { optimizer } = tinyOptions("unused");

describe("training alone", () => {
  test("tells of every step and evaluation, and keeps the best state", async () => {
    const { events, result } = await run({ steps: 12 });
    const steps = events.flatMap((event) => (event.kind === "step" ? [event.metrics.step] : []));
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const losses = events.flatMap((event) =>
      event.kind === "evaluation" ? [[event.step, event.heldOut.loss] as const] : [],
    );
    expect(losses.map(([step]) => step)).toEqual([5, 10, 12]);
    const best = losses.reduce((a, b) => (b[1] < a[1] ? b : a));
    expect([result.bestStep, result.heldOut?.loss]).toEqual(best);
    const kept = events.filter((event) => event.kind === "best");
    const lower = losses.filter(([, loss], i) => losses.slice(0, i).every(([, l]) => loss < l));
    expect(kept.map(({ step }) => step)).toEqual(lower.map(([step]) => step));
    expect(kept.at(-1)?.adapter).toEqual(result.adapter);
    expect(result).toMatchObject({ steps: 12, reason: "finished", error: null });
  });

  test("gives the same bytes again, and those of an unwatched training", async () => {
    const [first, second] = [await run({}), await runAnother({}, {})];
    expect(second.result.adapter).toEqual(first.result.adapter);
    const adapter = await learner.initialAdapter();
    const plain = await learner.train({
      adapter,
      optimizer: learner.initialOptimizer(),
      round: 0,
      steps: first.result.bestStep,
    });
    expect(plain.adapter).toEqual(first.result.adapter);
  });

  test("stops early when the held-out loss no longer falls", async () => {
    // A rate that moves the weights far at every step makes the held-out loss rise soon.
    const wild = { ...optimizer, learningRate: 0.9, warmupSteps: 0 };
    const options = { steps: 400, evaluateEvery: 2, patience: 2 };
    const { result } = await runAnother({ optimizer: wild }, options);
    expect(result.reason).not.toBe("finished");
    expect(result.steps).toBeLessThan(400);
    expect(result.bestStep).toBeLessThan(result.steps + 1);
    // Control: without patience the same training goes on.
    const patient = await run({ steps: 8, evaluateEvery: 2, patience: 0 });
    expect(patient.result.steps).toBe(8);
  });

  test.each(["alternate", "ffa"] as const)(
    "factors take turns between evaluations: %s",
    async (factors) => {
      const data = { train: [join(folder, "data.jsonl")], columns: {}, heldOutShare: 0 };
      const { result } = await runAnother({ factors, data }, { steps: 6, evaluateEvery: 3 });
      const { adapter } = result;
      const initial = await learner.initialAdapter();
      const { tensors } = learner.info.layout;
      const moved = tensors.filter(({ offset }) => adapter[offset] !== initial[offset]);
      const names = moved.map(({ name }) => name);
      expect(names.some((name) => name.includes("lora_B"))).toBe(true);
      // B alone when frozen, A in the second stretch when they alternate.
      expect(names.some((name) => name.includes("lora_A"))).toBe(factors === "alternate");
    },
  );

  test("a held-out loss that is no number is a divergence", async () => {
    // The first loss is taken before the step that ruins the adapter; the next would be after the end.
    const ruin = { ...optimizer, learningRate: 1e30, warmupSteps: 0 };
    await expect(runAnother({ optimizer: ruin }, { steps: 1, evaluateEvery: 1 })).rejects.toThrow(
      "training diverged at step 1: the held-out loss is NaN",
    );
  });

  test("a signal between evaluations keeps the steps that were taken", async () => {
    const { events, result } = await run({ steps: 100_000, evaluateEvery: 100_000 }, 3);
    expect(result).toMatchObject({ reason: "stopped", error: null });
    expect(result.steps).toBeGreaterThanOrEqual(3);
    expect(result.steps).toBeLessThan(100_000);
    expect(result.bestStep).toBe(result.steps);
    expect(events.filter(({ kind }) => kind === "evaluation")).toHaveLength(1);
    // The same bytes as a training of just so many steps.
    const { steps } = result;
    const plain = await run({ steps, evaluateEvery: steps });
    expect(plain.result).toMatchObject({ reason: "finished", heldOut: result.heldOut });
    expect(result.adapter).toEqual(plain.result.adapter);
  });

  test("goes on from any checkpoint to the same bytes", async () => {
    const options = { steps: 14, evaluateEvery: 3, patience: 0 };
    const { events, result } = await run(options);
    const states = events.flatMap((event) => (event.kind === "checkpoint" ? [event.state] : []));
    expect(states.map(({ progress }) => progress.steps)).toEqual([3, 6, 9, 12, 14]);
    const { seconds: _, ...facts } = result;

    for (const from of states) {
      const resumed = await run({ ...options, from });
      expect(resumed.result).toMatchObject(facts);
      const first = resumed.events[0];
      expect(first?.kind === "step" ? first.metrics.step : null).toBe(
        from.progress.steps < 14 ? from.progress.steps + 1 : null,
      );
    }
    // Control: the adapter alone, with a fresh optimiser, comes out elsewhere.
    const [state] = states;
    const anew = await run({ ...options, steps: 11, adapter: state?.adapter ?? result.adapter });
    expect(anew.result.adapter).not.toEqual(result.adapter);
  });

  test("a signal before the first step leaves nothing to keep", async () => {
    const options = { steps: 5, evaluateEvery: 5, patience: 0 };
    const stopped = trainAlone(learner, options, AbortSignal.abort());
    await expect(stopped.next()).rejects.toThrow(/abort/);
  });

  test("a divergence ends it with the last good state", async () => {
    // Weight decay of rate * decay = -199 per step makes the weights explode after the first evaluations.
    const ruin = { ...optimizer, learningRate: 0.5, weightDecay: 400, warmupSteps: 40 };
    const { result } = await runAnother({ optimizer: ruin }, { steps: 60, evaluateEvery: 1 });
    expect(result.reason).toBe("diverged");
    expect(result.error).toMatch(/diverged at step/);
    expect(result.adapter.every(Number.isFinite)).toBe(true);
  });
});

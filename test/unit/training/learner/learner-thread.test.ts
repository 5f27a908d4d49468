import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { createLearner } from "../../../../src/training/index.ts";
import { tinyOptions, writeTinyFolder } from "./model-folder.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-learner-thread-"));
  await writeTinyFolder(folder);
});

afterAll(() => rm(folder, { recursive: true }));

/**
 * A learner and the thread it works in, which Node announces when it starts. Its engine is one in JavaScript: a thread
 * that is ended within ONNX Runtime's native code takes the whole process with it.
 */
async function learnerAndThread() {
  const started: Worker[] = [];
  const note = (worker: Worker) => started.push(worker);
  process.on("worker", note);
  const learner = await createLearner({ ...tinyOptions(folder), engine: "tfjs:cpu" });
  process.off("worker", note);
  const [thread] = started;
  if (thread === undefined || started.length > 1) throw new Error("one thread for one learner");
  return { learner, thread };
}

test("a thread that dies while it works fails every call that waits, once, and every later one", async () => {
  const { learner, thread } = await learnerAndThread();
  const adapter = await learner.initialAdapter();
  const optimizer = learner.initialOptimizer();
  const training = learner.watchTraining({ adapter, optimizer, round: 0, steps: 1_000_000 });
  const settled = Promise.allSettled([training.result, learner.evaluate(adapter, "test")]);
  let steps = 0;
  const watched = (async () => {
    for await (const _step of training.steps) {
      steps += 1;
      if (steps === 3) await thread.terminate();
    }
  })();
  const reasons = (await settled).map((each) => each.status === "rejected" && each.reason);
  const [reason] = reasons;
  expect(reason).toBeInstanceOf(KlatchError);
  expect(reason).toMatchObject({
    code: "engine",
    message: expect.stringContaining("thread ended"),
  });
  expect(reasons.every((each) => each === reason)).toBe(true);
  await watched;
  expect(steps).toBeGreaterThanOrEqual(3);
  await expect(learner.evaluate(adapter, "test")).rejects.toBe(reason);
  await learner.close();
  await learner.close();
});

test("a thread that is left alone ends with its learner, and nothing is reported (control)", async () => {
  const { learner, thread } = await learnerAndThread();
  const ended = new Promise((resolve) => thread.once("exit", resolve));
  await expect(learner.evaluate(await learner.initialAdapter(), "test")).resolves.toBeDefined();
  // Whoever closes it a second time waits for the first.
  await Promise.all([learner.close(), learner.close()]);
  await ended;
});

test("a schedule ends where a request says, else where the learner was told", async () => {
  const options = tinyOptions(folder);
  const schedule = { shape: "linear", totalSteps: 4, finalShare: 0 } as const;
  const rate = { learningRate: 0.1, warmupSteps: 0, schedule };
  const learner = await createLearner({
    ...{ ...options, engine: "tfjs:cpu", optimizer: { ...options.optimizer, ...rate } },
  });
  const adapter = await learner.initialAdapter();
  const optimizer = learner.initialOptimizer();
  const rates = async (more: object) => {
    const training = learner.watchTraining({ adapter, optimizer, round: 0, steps: 2, ...more });
    const seen: number[] = [];
    for await (const { learningRate } of training.steps) seen.push(Number(learningRate.toFixed(6)));
    await training.result;
    return seen;
  };

  expect(await rates({})).toEqual([0.075, 0.05]);
  expect(await rates({ totalSteps: 10 })).toEqual([0.09, 0.08]);
  await learner.close();
});

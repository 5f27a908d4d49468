import { expect, test } from "vitest";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import { gradientNorm } from "../../../../src/training/loop/gradient-transform.ts";
import {
  optimizerStep as adamwStep,
  freshOptimizer,
  type OptimizerOptions,
} from "../../../../src/training/loop/optimizer.ts";
import { learningRateAt } from "../../../../src/training/loop/schedule.ts";
import { stepsBefore } from "../../../../src/training/loop/train-step.ts";
import { tinyModel } from "../models/tiny-llama.ts";

const OPTIONS: OptimizerOptions = {
  learningRate: 0.1,
  weightDecay: 0.5,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  clipNorm: 100,
  warmupSteps: 0,
};
const slot = (offset: number, size: number) => ({ name: "w", shape: [size, 1], offset });

test("the first step moves by the learning rate against the sign of the gradient, after decay", () => {
  const parameters = Float32Array.of(1, -2);
  adamwStep(parameters, Float32Array.of(3, -4), freshOptimizer(2), [slot(0, 2)], OPTIONS);
  // m / (1 - beta1) = g and v / (1 - beta2) = g^2, so the change is 0.1 sign(g); decay is 1 - 0.1 * 0.5 = 0.95.
  expect(parameters[0]).toBeCloseTo(0.95 - 0.1, 6);
  expect(parameters[1]).toBeCloseTo(-1.9 + 0.1, 6);
});

test("the second step has the moments of both gradients", () => {
  const parameters = Float32Array.of(0);
  const options = { ...OPTIONS, weightDecay: 0 };
  let { state } = adamwStep(
    parameters,
    Float32Array.of(1),
    freshOptimizer(1),
    [slot(0, 1)],
    options,
  );
  ({ state } = adamwStep(parameters, Float32Array.of(-1), state, [slot(0, 1)], options));
  // m = 0.9 * 0.1 - 0.1 = -0.01, corrected by 1 - 0.81: -0.052632; v = 0.0199, corrected by 1 - 0.9801: 1.
  expect(parameters[0]).toBeCloseTo(-0.1 + 0.1 * 0.0526316, 6);
  expect(state.step).toBe(2);
  expect(state.firstMoment[0]).toBeCloseTo(-0.01, 7);
  expect(state.secondMoment[0]).toBeCloseTo(0.0199, 7);
});

test("a gradient longer than clipNorm is scaled down to it", () => {
  const state = freshOptimizer(2);
  const options = { ...OPTIONS, clipNorm: 1 };
  const gradient = Float32Array.of(3, 4);
  const { norm } = adamwStep(Float32Array.of(0, 0), gradient, state, [slot(0, 2)], options);
  // |(3, 4)| = 5; m = 0.1 * (3, 4) / 5.
  expect(norm).toBe(5);
  expect(state.firstMoment[0]).toBeCloseTo(0.06, 6);
  expect(state.firstMoment[1]).toBeCloseTo(0.08, 6);
});

test("what is outside the slots neither moves nor counts", () => {
  const parameters = Float32Array.of(1, 1, 1);
  const state = freshOptimizer(3);
  const gradient = Float32Array.of(7, 2, 7);
  adamwStep(parameters, gradient, state, [slot(1, 1)], OPTIONS);
  expect(gradientNorm(gradient, [slot(1, 1)])).toBe(2);
  expect([parameters[0], parameters[2]]).toEqual([1, 1]);
  expect([state.firstMoment[0], state.secondMoment[2]]).toEqual([0, 0]);
  expect(parameters[1]).not.toBe(1);
});

test("warm-up rises linearly to the learning rate", () => {
  const options = { ...OPTIONS, warmupSteps: 4 };
  expect([1, 2, 4, 9].map((step) => learningRateAt(options, step))).toEqual([
    0.025, 0.05, 0.1, 0.1,
  ]);
});

test("matrices decay, vectors do not", () => {
  const parameters = Float32Array.of(1, 1);
  const vector = { name: "bias", shape: [1], offset: 1 };
  adamwStep(parameters, Float32Array.of(0, 0), freshOptimizer(2), [slot(0, 1), vector], OPTIONS);
  expect([...parameters]).toEqual([Math.fround(0.95), 1]);
});

test("a schedule falls from the full rate to its share at the last step, and stays there", () => {
  const rates = (shape: "linear" | "cosine") => {
    const schedule = { shape, totalSteps: 12, finalShare: 0.1 };
    const options = { ...OPTIONS, warmupSteps: 4, schedule };
    return [2, 4, 8, 12, 99].map((step) => learningRateAt(options, step));
  };
  // Half-way between 4 and 12 both are half-way between 1 and 0.1 of the rate; a quarter of the way they differ.
  expect(rates("linear").map((rate) => rate.toFixed(6))).toEqual(
    [0.05, 0.1, 0.055, 0.01, 0.01].map((rate) => rate.toFixed(6)),
  );
  expect(rates("cosine").map((rate) => rate.toFixed(6))).toEqual(
    [0.05, 0.1, 0.055, 0.01, 0.01].map((rate) => rate.toFixed(6)),
  );
  const quarter = (shape: "linear" | "cosine") =>
    learningRateAt({ ...OPTIONS, schedule: { shape, totalSteps: 4, finalShare: 0 } }, 1);
  expect(quarter("linear")).toBeCloseTo(0.075, 9);
  // (1 + cos(45 degrees)) / 2 = 0.853553.
  expect(quarter("cosine")).toBeCloseTo(0.0853553, 6);
});

test("moments that start late are corrected as new ones", () => {
  const parameters = Float32Array.of(0);
  const state = { ...freshOptimizer(1), step: 20 };
  const options = { ...OPTIONS, weightDecay: 0 };
  adamwStep(parameters, Float32Array.of(0.5), state, [slot(0, 1)], options, () => 1);
  // As in a first step, the change is the learning rate itself; counted as step 21 it would be a third of it or less.
  expect(parameters[0]).toBeCloseTo(-0.1, 6);
});

test("factors that alternate have each seen every other round", () => {
  const lora = createLora(tinyModel().definition, { rank: 1, alpha: 1, targets: ["q"] });
  const [{ a, b } = { a: slot(0, 1), b: slot(0, 1) }] = lora.layout.adapted;
  const seen = (schedule: "both" | "alternate" | "ffa", round: number) => {
    const optimizer = { ...freshOptimizer(lora.layout.length), step: 10 * round };
    const request = { round, optimizer, steps: 10, adapter: lora.initial(1) };
    const before = stepsBefore(lora, schedule, request);
    return { a: before(a), b: before(b) };
  };
  expect(seen("both", 3)).toEqual({ a: 30, b: 30 });
  expect([0, 1, 2, 5].map((round) => seen("alternate", round))).toEqual([
    { a: 0, b: 0 },
    { a: 0, b: 10 },
    { a: 10, b: 10 },
    { a: 20, b: 30 },
  ]);
  expect(seen("ffa", 4).b).toBe(40);
});

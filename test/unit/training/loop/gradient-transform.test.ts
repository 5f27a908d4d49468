import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/random.ts";
import {
  chain,
  clipByGlobalNorm,
  type Gradient,
  type GradientTransform,
  gradientNorm,
  measured,
} from "../../../../src/training/loop/gradient-transform.ts";
import {
  adamwStep,
  freshOptimizer,
  optimizerStep,
  transformed,
} from "../../../../src/training/loop/optimizer.ts";

const SLOTS = [{ name: "w", shape: [2, 1], offset: 0 }];
const OPTIONS = {
  learningRate: 0.1,
  weightDecay: 0.5,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  warmupSteps: 0,
};
const gradientOf = (...values: number[]) => measured(Float32Array.from(values), SLOTS);
const lengthOf = ({ norm, scale }: Gradient) => norm * scale;

/** Counts the gradients that pass. */
const counting: GradientTransform<{ readonly seen: number }> = {
  init: () => ({ seen: 0 }),
  update: (gradient, { seen }) => ({ gradient, state: { seen: seen + 1 } }),
};

/** Writes to the values, in place. */
const times = (factor: number): GradientTransform<null> => ({
  init: () => null,
  update: ({ values, slots, scale }, state) => {
    for (let i = 0; i < values.length; i += 1) values[i] = (values[i] ?? 0) * factor;
    return { gradient: { ...measured(values, slots), scale }, state };
  },
});

describe("a chain", () => {
  const passed = (transform: ReturnType<typeof chain>, ...values: number[]) =>
    transform.update(gradientOf(...values), transform.init()).gradient;

  test("of no links leaves a gradient as it is", () => {
    const gradient = gradientOf(3, 4);

    expect(chain().update(gradient, []).gradient).toBe(gradient);
    expect(gradient).toMatchObject({ norm: 5, scale: 1 });
  });

  test("goes through its links in order", () => {
    expect(lengthOf(passed(chain(times(10), clipByGlobalNorm(1)), 3, 4))).toBeCloseTo(1, 6);
    expect(lengthOf(passed(chain(clipByGlobalNorm(1), times(10)), 3, 4))).toBeCloseTo(10, 5);
  });

  test("in a chain is as its links", () => {
    const [flat, nested] = [
      chain(clipByGlobalNorm(1), counting, times(2)),
      chain(chain(clipByGlobalNorm(1), counting), times(2)),
    ];

    expect(passed(nested, 3, 4)).toEqual(passed(flat, 3, 4));
    expect(nested.init()).toEqual([[null, { seen: 0 }], null]);
  });
});

describe("clipping", () => {
  test("leaves the values where and what they are, and a short gradient unscaled", () => {
    const gradient = gradientOf(3, 4);
    const clip = (bound: number) => clipByGlobalNorm(bound).update(gradient, null).gradient;

    expect(clip(1).values).toBe(gradient.values);
    expect([...gradient.values]).toEqual([3, 4]);
    expect(clip(1).scale).toBe(1 / (5 + 1e-6));
    expect(clip(10).scale).toBe(1);
  });

  test("counts what was scaled before", () => {
    const twice = chain(clipByGlobalNorm(2), clipByGlobalNorm(1));

    expect(lengthOf(twice.update(gradientOf(30, 40), twice.init()).gradient)).toBeCloseTo(1, 6);
  });
});

describe("the optimiser", () => {
  test("clips before AdamW, without rounding in between", () => {
    const random = seededRandom(1);
    const values = Float32Array.from({ length: 100 }, () => random() - 0.5);
    const slots = [{ name: "w", shape: [100], offset: 0 }];
    const scale = 1 / (gradientNorm(values, slots) + 1e-6);
    const moments = (gradient: Gradient) =>
      adamwStep(new Float32Array(100), gradient, freshOptimizer(100), OPTIONS);
    const options = { ...OPTIONS, clipNorm: 1 };
    const zeros = new Float32Array(100);
    const { norm, state } = optimizerStep(zeros, values, freshOptimizer(100), slots, options);

    expect(norm * scale).toBeCloseTo(1, 6);
    expect(state).toEqual(moments({ ...measured(values, slots), scale }));
    const rounded = values.map((g) => g * scale);
    expect(state).not.toEqual(moments(measured(rounded, slots)));
  });

  test("keeps what a link remembers from one round to the next", () => {
    const links = chain(clipByGlobalNorm(1), counting);
    let state = freshOptimizer(2);
    for (let step = 0; step < 3; step += 1) {
      const processed = transformed(links, gradientOf(3, 4), state);
      state = adamwStep(new Float32Array(2), processed.gradient, processed.state, OPTIONS);
    }

    expect(state.transforms).toEqual([null, { seen: 3 }]);
    expect(transformed(links, gradientOf(3, 4), state).state.transforms).toEqual([
      null,
      { seen: 4 },
    ]);
  });

  test("carries nothing for links that remember nothing", () => {
    const [zeros, gradient] = [new Float32Array(2), Float32Array.of(3, 4)];
    const options = { ...OPTIONS, clipNorm: 1 };
    const { state } = optimizerStep(zeros, gradient, freshOptimizer(2), SLOTS, options);

    expect(Object.keys(state)).toEqual(["step", "firstMoment", "secondMoment"]);
  });
});

import type { TensorSlot } from "../../types.ts";
import { sizeOf } from "../graph/value.ts";
import { learningRateAt, type RateOptions } from "./schedule.ts";

export interface OptimizerOptions extends RateOptions {
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Global gradient-norm clip. */
  readonly clipNorm: number;
}

/** AdamW moments, flat in the adapter's layout, and the number of steps taken. */
export interface OptimizerState {
  readonly step: number;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** Moments of zero for `length` parameters. */
export function freshOptimizer(length: number): OptimizerState {
  return {
    step: 0,
    firstMoment: new Float32Array(length),
    secondMoment: new Float32Array(length),
  };
}

/** Euclidean norm of the gradient over `slots`, accumulated in float64. */
export function gradientNorm(gradient: Float32Array, slots: readonly TensorSlot[]): number {
  let total = 0;
  for (const { offset, shape } of slots) {
    const end = offset + sizeOf(shape);
    for (let i = offset; i < end; i += 1) {
      const g = gradient[i] ?? 0;
      total += g * g;
    }
  }
  return Math.sqrt(total);
}

/**
 * One step of AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) as PyTorch does it, after clipping the gradient to
 * `clipNorm` as `clip_grad_norm_` does. Matrices decay; vectors (biases, norms, scales) do not. Changes `parameters` and the moments of `state` in place, in `slots` only.
 * `stepsOf` counts the steps that a slot's moments have seen, this one included, where not all slots train always.
 *
 * @returns the state with its step counted, holding the same arrays, and the norm before clipping
 */
export function adamwStep(
  parameters: Float32Array,
  gradient: Float32Array,
  state: OptimizerState,
  slots: readonly TensorSlot[],
  options: OptimizerOptions,
  stepsOf: (slot: TensorSlot) => number = () => state.step + 1,
): { readonly state: OptimizerState; readonly norm: number } {
  const step = state.step + 1;
  const norm = gradientNorm(gradient, slots);
  const clip = Math.min(1, options.clipNorm / (norm + 1e-6));
  const { beta1, beta2, epsilon } = options;
  const rate = learningRateAt(options, step);
  const { firstMoment, secondMoment } = state;
  for (const slot of slots) {
    const { offset, shape } = slot;
    const steps = stepsOf(slot);
    const stepSize = rate / (1 - beta1 ** steps);
    const correction = Math.sqrt(1 - beta2 ** steps);
    const end = offset + sizeOf(shape);
    const decay = shape.length > 1 ? 1 - rate * options.weightDecay : 1;
    for (let i = offset; i < end; i += 1) {
      const g = (gradient[i] ?? 0) * clip;
      const m = beta1 * (firstMoment[i] ?? 0) + (1 - beta1) * g;
      const v = beta2 * (secondMoment[i] ?? 0) + (1 - beta2) * g * g;
      firstMoment[i] = m;
      secondMoment[i] = v;
      const change = (stepSize * m) / (Math.sqrt(v) / correction + epsilon);
      parameters[i] = (parameters[i] ?? 0) * decay - change;
    }
  }
  return { state: { ...state, step }, norm };
}

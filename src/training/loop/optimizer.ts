import type { TensorSlot } from "../../types.ts";
import { sizeOf } from "../graph/value.ts";
import {
  chain,
  clipByGlobalNorm,
  type Gradient,
  type GradientTransform,
  measured,
  type TransformState,
} from "./gradient-transform.ts";
import { learningRateAt, type RateOptions } from "./schedule.ts";

export interface AdamwOptions extends RateOptions {
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export interface OptimizerOptions extends AdamwOptions {
  /** Global gradient-norm clip. */
  readonly clipNorm: number;
  /** Pull towards the state that the round started from, see `addProximalGradient`; none when absent. */
  readonly proximal?: number | undefined;
}

/** AdamW moments, flat in the adapter's layout, and the number of steps taken. */
export interface OptimizerState {
  readonly step: number;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /**
   * What the links of the gradient's chain remember, in its order; absent before the first step, and when none does.
   */
  readonly transforms?: readonly TransformState[];
}

/** Moments of zero for `length` parameters. */
export function freshOptimizer(length: number): OptimizerState {
  return {
    step: 0,
    firstMoment: new Float32Array(length),
    secondMoment: new Float32Array(length),
  };
}

/**
 * One step of the optimiser: the gradient through its chain, then AdamW. Changes `parameters` and the moments of
 * `state` in place, in `slots` only. `stepsOf` is that of `adamwStep`.
 *
 * @returns the state with its step counted, holding the same arrays, and the norm before clipping
 */
export function optimizerStep(
  parameters: Float32Array,
  gradient: Float32Array,
  state: OptimizerState,
  slots: readonly TensorSlot[],
  options: OptimizerOptions,
  stepsOf?: (slot: TensorSlot) => number,
): { readonly state: OptimizerState; readonly norm: number } {
  const raw = measured(gradient, slots);
  const processed = transformed(gradientChain(options), raw, state);
  return {
    state: adamwStep(parameters, processed.gradient, processed.state, options, stepsOf),
    norm: raw.norm,
  };
}

/** The gradient behind `transform`, and the state with what the links of `transform` remember of it. */
export function transformed(
  transform: GradientTransform<readonly TransformState[]>,
  raw: Gradient,
  state: OptimizerState,
): { readonly gradient: Gradient; readonly state: OptimizerState } {
  const { gradient, state: transforms } = transform.update(
    raw,
    state.transforms ?? transform.init(),
  );
  const isKept = transforms.some((each) => each !== null);
  return { gradient, state: isKept ? { ...state, transforms } : state };
}

/**
 * One step of AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) as PyTorch does it. Matrices decay; vectors (biases,
 * norms, scales) do not. Changes `parameters` and the moments of `state` in place, in the gradient's slots only.
 * `stepsOf` counts the steps that a slot's moments have seen, this one included, where not all slots train always.
 *
 * @returns the state with its step counted, holding the same arrays
 */
export function adamwStep(
  parameters: Float32Array,
  { values, scale, slots }: Gradient,
  state: OptimizerState,
  options: AdamwOptions,
  stepsOf: (slot: TensorSlot) => number = () => state.step + 1,
): OptimizerState {
  const step = state.step + 1;
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
      const g = (values[i] ?? 0) * scale;
      const m = beta1 * (firstMoment[i] ?? 0) + (1 - beta1) * g;
      const v = beta2 * (secondMoment[i] ?? 0) + (1 - beta2) * g * g;
      firstMoment[i] = m;
      secondMoment[i] = v;
      const change = (stepSize * m) / (Math.sqrt(v) / correction + epsilon);
      parameters[i] = (parameters[i] ?? 0) * decay - change;
    }
  }
  return { ...state, step };
}

// --- internal ---

/** All that a gradient goes through before AdamW takes it, in this order. */
function gradientChain({ clipNorm }: OptimizerOptions): ReturnType<typeof chain> {
  return chain(clipByGlobalNorm(clipNorm));
}

import type { TensorSlot } from "../../types.ts";
import { sizeOf } from "../graph/value.ts";

/** A gradient of `values * scale` in `slots`; the factor stays apart, so that scaling is no pass and rounds nothing. */
export interface Gradient {
  readonly values: Float32Array;
  readonly slots: readonly TensorSlot[];
  /** Euclidean norm of `values` in `slots`, without `scale`. */
  readonly norm: number;
  readonly scale: number;
}

/** Plain data that JSON keeps as it is, for it is kept with the moments from round to round; null for none. */
export type TransformState =
  | null
  | boolean
  | number
  | string
  | readonly TransformState[]
  | { readonly [key: string]: TransformState };

/**
 * What happens to a gradient between the backward pass and the optimiser: a pure pair, as in optax. A transform that
 * writes to the gradient's values does so in place, and measures it anew.
 */
export interface GradientTransform<S extends TransformState = TransformState> {
  /** The state before the first step. */
  init(): S;
  update(gradient: Gradient, state: S): { readonly gradient: Gradient; readonly state: S };
}

/** A gradient as the backward pass left it. */
export function measured(values: Float32Array, slots: readonly TensorSlot[]): Gradient {
  return { values, slots, norm: gradientNorm(values, slots), scale: 1 };
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

/** One transform after the other; without any, a gradient stays what it is. */
export function chain(
  ...links: readonly GradientTransform[]
): GradientTransform<readonly TransformState[]> {
  return {
    init: () => links.map((link) => link.init()),
    update(gradient, states) {
      let current = gradient;
      const state = links.map((link, i) => {
        const updated = link.update(current, states[i] ?? link.init());
        current = updated.gradient;
        return updated.state;
      });
      return { gradient: current, state };
    },
  };
}

/** Scales a gradient that is longer than `bound` down to it, as PyTorch's `clip_grad_norm_` does. */
export function clipByGlobalNorm(bound: number): GradientTransform<null> {
  return {
    init: () => null,
    update: (gradient, state) => {
      const norm = gradient.norm * gradient.scale;
      const scale = gradient.scale * Math.min(1, bound / (norm + 1e-6));
      return { gradient: { ...gradient, scale }, state };
    },
  };
}

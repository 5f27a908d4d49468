import type { TensorSlot } from "../../types.ts";
import { collateParts } from "../batches/collate.ts";
import type { AnyExample } from "../data/examples/example.ts";
import { addScaled } from "../layout/slots.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import { gradientNorm } from "./gradient-transform.ts";

export interface ClippedGradient {
  /** Sum over examples of their gradients, each scaled down to the bound, as the adapter lies. */
  readonly sum: Float32Array;
  /** Each example's gradient norm before clipping. */
  readonly norms: readonly number[];
  /** Mean over examples of their losses, nats per token. */
  readonly loss: number;
}

/**
 * The sum of per-example gradients, each clipped to `bound`. Whatever an example is, the sum changes by at most
 * `bound`; an example whose gradient is not finite adds nothing. Differentially private training adds noise to such a
 * sum (Abadi et al. 2016, arXiv 1607.00133). The model runs once for each example, so this costs more than a batch's
 * gradient.
 */
export async function clippedGradient(
  model: AdaptedModel,
  values: Float32Array,
  examples: readonly AnyExample[],
  options: {
    readonly slots: readonly TensorSlot[];
    readonly bound: number;
    readonly sequenceMax: number;
  },
): Promise<ClippedGradient> {
  const { slots, bound, sequenceMax } = options;
  const sum = new Float32Array(values.length);
  const gradient = new Float32Array(values.length);
  const norms: number[] = [];
  let loss = 0;
  for (const example of examples) {
    const parts = collateParts([example], sequenceMax);
    loss += await model.lossAndGradient(values, parts, slots, gradient);
    const norm = gradientNorm(gradient, slots);
    norms.push(norm);
    // No factor makes such a gradient short: it must not count at all.
    if (!Number.isFinite(norm)) continue;
    addScaled(sum, gradient, slots, norm > bound ? bound / norm : 1);
  }
  return { sum, norms, loss: loss / Math.max(1, examples.length) };
}

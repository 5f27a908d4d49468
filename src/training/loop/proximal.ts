import type { TensorSlot } from "../../types.ts";
import { sizeOf } from "../graph/value.ts";

/**
 * Adds to a gradient that of mu / 2 · ‖state - start‖², in `slots`: local steps are held near the state that the round
 * started from (FedProx, Li et al. 2020, arXiv 1812.06127).
 *
 * @param pull - The start, and mu per unit of the loss and of squared distance; with 0 the gradient stays as it is
 */
export function addProximalGradient(
  gradient: Float32Array,
  state: Float32Array,
  { start, mu }: { readonly start: Float32Array; readonly mu: number },
  slots: readonly TensorSlot[],
): void {
  if (mu === 0) return;
  for (const { offset, shape } of slots) {
    const end = offset + sizeOf(shape);
    for (let i = offset; i < end; i += 1) {
      const away = (state[i] ?? 0) - (start[i] ?? 0);
      gradient[i] = (gradient[i] ?? 0) + mu * away;
    }
  }
}

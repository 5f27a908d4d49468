import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../random.ts";
import { type Dataset, summarise } from "./dataset.ts";
import type { Example } from "./example.ts";

/** Fisher-Yates; leaves `items` as it is. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}

/** Held-out examples are evaluated in every round: more of them cost time and training data, and tell little more. */
export const HELD_OUT_EXAMPLES_MAX = 512;

/**
 * Holds a share of the examples out of training, drawn from `seed`: at least one when `share` > 0 and there are two,
 * at most HELD_OUT_EXAMPLES_MAX.
 * The rows that were left out count with the training part.
 */
export function splitHeldOut(
  dataset: Dataset,
  share: number,
  seed: number,
): { readonly train: Dataset; readonly heldOut: Dataset } {
  assert(share >= 0 && share < 1, `share ${share}`);
  const { examples, format } = dataset;
  const least = share > 0 && examples.length > 1 ? 1 : 0;
  const most = Math.min(Math.max(examples.length - 1, 0), HELD_OUT_EXAMPLES_MAX);
  const count = Math.min(Math.max(Math.round(share * examples.length), least), most);
  const chosen = new Set(shuffled(examples, seededRandom(seed)).slice(0, count));
  const part = (held: boolean, skipped: number): Dataset => {
    const kept: Example[] = examples.filter((example) => chosen.has(example) === held);
    return { examples: kept, format, summary: summarise(kept, skipped) };
  };
  return { train: part(false, dataset.summary.skipped), heldOut: part(true, 0) };
}

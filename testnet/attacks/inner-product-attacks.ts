import type { Attack } from "./attack.ts";
import { mostHarmful } from "./line-search.ts";
import { valueOfUpdate } from "./sending.ts";
import { meanOf } from "./statistics.ts";

/**
 * Attacks that turn the mix against the mean of honest updates: inner product manipulation, "fall of empires" (Xie,
 * Koyejo, Gupta, UAI 2019, arXiv 1903.03936).
 */
export const INNER_PRODUCT_ATTACKS = {
  ipm: valueOfUpdate("a tenth of the mean of honest updates, turned round", ({ honest }) =>
    turned(meanOf(honest), 0.1),
  ),
  foe: valueOfUpdate("twice the mean of honest updates, turned round", ({ honest }) =>
    turned(meanOf(honest), 2),
  ),
  /** With the factor that does most harm to the rule (search of ByzFL). */
  "opt-ipm": valueOfUpdate(
    "the mean turned round, as long as moves the run's rule farthest",
    (context) => {
      const mean = meanOf(context.honest);
      return mostHarmful(context, (factor) => turned(mean, factor));
    },
  ),
} as const satisfies Record<string, Attack>;

// --- internal ---

function turned(mean: Float64Array, factor: number): Float64Array {
  return mean.map((each) => -factor * each);
}

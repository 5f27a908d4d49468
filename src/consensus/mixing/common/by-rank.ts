import type { Ranks } from "../../update/ranks.ts";
import type { CommonSet } from "./common-set.ts";
import { COMMON_RULES, type CommonRuleName } from "./rules.ts";
import { normalised } from "./scaling.ts";

/** A common set of updates, each of which has the first slices of its rank and is zero beyond. */
export interface RankedSet extends CommonSet {
  readonly ranksOf: readonly number[];
}

/**
 * Each slice of the rank by a rule, of the updates that have it: nobody counts as zero where he trained nothing, and
 * norms, medians and likenesses are of the same values (raFLoRA's slices over owners; FediLoRA). Slices that are in the
 * same updates go together, so a set of one rank is what the rule makes of it. As of a cut, of 2f updates or fewer nothing
 * is made: what these slices hold stays. Rule `mean`, which tolerates no attacker, needs one.
 */
export function mixedByRank(
  rule: CommonRuleName,
  { ranksOf, ...set }: RankedSet,
  ranks: Ranks,
): Float32Array {
  const edges = [...new Set(ranksOf)].sort((a, b) => a - b);
  if (edges[0] === ranks.most) return COMMON_RULES[rule](set);
  const mix = new Float32Array(set.updates[0]?.length ?? 0);
  const needed = ownersNeeded(rule, set.attackersMax);
  let from = 0;
  for (const until of edges) {
    const owners = [...ranksOf.keys()].filter((index) => (ranksOf[index] as number) >= until);
    if (owners.length < needed) break;
    const shares = normalised(owners.map((index) => set.shares[index] as number));
    const updates = owners.map((index) =>
      ranks.take(set.updates[index] as Float32Array, from, until),
    );
    const attackersMax = Math.min(set.attackersMax, (owners.length - 1) >> 1);
    ranks.put(mix, COMMON_RULES[rule]({ updates, shares, attackersMax }), from, until);
    from = until;
  }
  return mix;
}

/** The rank of what a set mixes to: slices beyond are in too few updates. */
export function rankMixed(
  rule: CommonRuleName,
  { ranksOf, attackersMax }: Pick<RankedSet, "ranksOf" | "attackersMax">,
): number {
  const falling = ranksOf.toSorted((a, b) => b - a);
  return falling[ownersNeeded(rule, attackersMax) - 1] ?? 0;
}

// --- internal ---

function ownersNeeded(rule: CommonRuleName, attackersMax: number): number {
  return rule === "mean" ? 1 : 2 * attackersMax + 1;
}

import assert from "node:assert/strict";
import type { Vector } from "../contributions.ts";

/** What all members see alike: decoded updates, each author's share, and how many attackers to expect. */
export interface CommonSet<V extends Vector = Float32Array> {
  /** In roster order, all of one length, none longer (Euclidean norm) than the largest finite single. */
  readonly updates: readonly V[];
  /** From agreed standings; they sum to 1. An update of share 0 is left out, and `attackersMax` is one less for it. */
  readonly shares: readonly number[];
  /** The f of the roster: updates that may be anything. More than twice as many must be there. */
  readonly attackersMax: number;
}

/** Shares are quotients: a sum closer than this to 1 is 1. */
const SHARE_TOLERANCE = 1e-9;
/** The largest finite single. With every norm below it no sum of a rule exceeds 1e100, and no result a single. */
const NORM_MAX = 3.4028234663852886e38;

/**
 * Checks a common set and leaves out the updates of share 0. All of it was judged before it came into a cut, so what
 * does not fit is a bug.
 *
 * @throws AssertionError for no update, 2f updates or fewer, another length, a share below 0, shares that do not sum
 *   to 1, or an update that is not finite or too long
 */
export function checkedSet<V extends Vector>(set: CommonSet<V>): CommonSet<V> {
  const { updates, shares, attackersMax } = set;
  assert.ok(Number.isSafeInteger(attackersMax) && attackersMax >= 0, "attackers are counted");
  assert.equal(shares.length, updates.length, "one share for each update");
  assert.ok(updates.length > 2 * attackersMax, "more than 2f updates: a smaller cut is empty");
  let total = 0;
  for (const [index, update] of updates.entries()) {
    const share = shares[index] as number;
    assert.ok(share >= 0, "a share is not negative");
    assert.equal(update.length, updates[0]?.length, "updates of one length");
    assert.ok(normOf(update) <= NORM_MAX, `update ${index} is not finite, or too long`);
    total += share;
  }
  assert.ok(Math.abs(total - 1) <= SHARE_TOLERANCE, "shares sum to 1");
  return withoutNothing(set);
}

/** Euclidean norm, accumulated in float64 in the order of coordinates. */
export function normOf(update: Vector): number {
  let sum = 0;
  for (let i = 0; i < update.length; i += 1) {
    const value = update[i] as number;
    sum += value * value;
  }
  return Math.sqrt(sum);
}

/** Median of numbers; of an even count the mean of the middle two. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] as number;
  return sorted.length % 2 === 1
    ? upper
    : ((sorted[(sorted.length >> 1) - 1] as number) + upper) / 2;
}

// --- internal ---

function withoutNothing<V extends Vector>(set: CommonSet<V>): CommonSet<V> {
  const counts = set.shares.map((share) => share > 0);
  const left = counts.filter((each) => !each).length;
  if (left === 0) return set;
  return {
    updates: set.updates.filter((_, index) => counts[index]),
    shares: set.shares.filter((_, index) => counts[index]),
    attackersMax: Math.max(0, set.attackersMax - left),
  };
}

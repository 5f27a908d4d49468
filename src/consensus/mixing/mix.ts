import type { MixingRule } from "../../types.ts";
import { csHe, csPlus, gts, mean } from "./clipping.ts";
import { type MixInput, type Mixture, prepare, type Vector } from "./contributions.ts";
import { median, trimmedMean } from "./coordinate-wise.ts";

const RULES: Readonly<Record<MixingRule, (mixture: Mixture<Vector>, out: Vector) => void>> = {
  mean,
  "cs-plus": csPlus,
  median,
  "trimmed-mean": trimmedMean,
  gts,
  "cs-he": csHe,
};

/**
 * One mix: the own state moved towards the contributions by a rule. Pure and exact: contributions in the order of
 * peer ids, float64 accumulators, only + - * / and square root, so the same input gives the same bytes on every
 * machine.
 *
 * @returns a new array of the length of `own`
 * @throws AssertionError when lengths differ, shares do not fit or a number is not finite
 */
export function mix(rule: MixingRule, input: MixInput): Float32Array {
  const out = new Float32Array(input.own.length);
  RULES[rule](prepare(input), out);
  return out;
}

/** The same mix in double precision throughout, for comparison with reference values. */
export function mixFloat64(rule: MixingRule, input: MixInput<Float64Array>): Float64Array {
  const out = new Float64Array(input.own.length);
  RULES[rule](prepare(input), out);
  return out;
}

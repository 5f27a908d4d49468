import type { Attack } from "./attack.ts";
import { mostHarmful } from "./line-search.ts";
import { valueOfUpdate } from "./sending.ts";
import { deviationOf, dot, meanOf, plus, type Row, squaredDistance } from "./statistics.ts";

/**
 * Deviations of ALIE. The paper's own number follows from how many attack, and is at most .68 below a third (at 2 of 10
 * it is 0, which is honest); 1.5 is what ByzFL and the literature after it take.
 */
const ALIE_DEVIATIONS = 1.5;
/** Steps towards the direction of the largest variance. */
const POWER_STEPS = 100;

/** Attacks from inside the cloud of honest updates: no distance tells them from honest ones. */
export const CLOUD_ATTACKS = {
  /** mean + 1.5 deviations: "a little is enough" (Baruch, Baruch, Goldberg 2019, arXiv 1902.06156). */
  alie: valueOfUpdate("the mean of honest updates and 1.5 of their deviations", ({ honest }) =>
    plus(meanOf(honest), ALIE_DEVIATIONS, deviationOf(honest)),
  ),
  /** The same with the deviations that do most harm to the rule (Shejwalkar, Houmansadr, NDSS 2021; search of ByzFL). */
  "opt-alie": valueOfUpdate(
    "alie, as many deviations as move the run's rule farthest",
    (context) => {
      const mean = meanOf(context.honest);
      const deviation = deviationOf(context.honest, mean);
      return mostHarmful(context, (factor) => plus(mean, factor, deviation));
    },
  ),
  /** Farthest against the mean with no distance larger than the largest between honest updates (NDSS 2021). */
  "min-max": valueOfUpdate(
    "against the mean, no farther from any honest update than two of them are apart",
    ({ honest }) => farthestWithin(honest, "largest"),
  ),
  /** The same for sums of squared distances. */
  "min-sum": valueOfUpdate(
    "against the mean, no farther from all honest updates than one of them is",
    ({ honest }) => farthestWithin(honest, "sum"),
  ),
  /** All send what one honest member sends, of whom the mix then has too much (arXiv 2006.09365). */
  mimic: valueOfUpdate(
    "what the honest member sends that differs most from the others",
    ({ honest }) => honest[mostUnlike(honest)] ?? [],
  ),
} as const satisfies Record<string, Attack>;

/**
 * `mean - factor * deviation * sign(mean)` with the largest factor for which its squared distances to honest rows, the
 * largest or the sum of them, are not above those of an honest row.
 */
export function farthestWithin(honest: readonly Row[], measure: "largest" | "sum"): Float64Array {
  const mean = meanOf(honest);
  const way = deviationOf(honest, mean).map((each, k) => -each * Math.sign(mean[k] ?? 0));
  const distances = honest.map((row) => honest.map((other) => squaredDistance(row, other)));
  const limit = Math.max(...distances.map((row) => combined(row, measure)));
  // the squared distance to a row is a - 2 b factor + c factor^2, with b = (row - mean) . way
  const c = dot(way, way);
  if (c === 0) return mean;
  const parts = honest.map((row) => {
    const off = plus(row, -1, mean);
    return { a: dot(off, off), b: dot(off, way) };
  });
  const bounds =
    measure === "largest"
      ? parts.map(({ a, b }) => (b + Math.sqrt(Math.max(0, b * b + c * (limit - a)))) / c)
      : // differences to the mean sum to 0, and so do the b
        [Math.sqrt(Math.max(0, limit - total(parts.map(({ a }) => a))) / (c * honest.length))];
  return plus(mean, Math.min(...bounds), way);
}

/** The row with the largest part in the direction of the largest variance, by power iteration over inner products. */
export function mostUnlike(rows: readonly Row[]): number {
  const mean = meanOf(rows);
  const off = rows.map((row) => plus(row, -1, mean));
  const products = off.map((a) => off.map((b) => dot(a, b)));
  // no start of equal parts: the products sum to 0
  let parts = rows.map((_, i) => i + 1);
  for (let step = 0; step < POWER_STEPS; step += 1) {
    const next = products.map((row) => dot(row, parts));
    const length = Math.sqrt(dot(next, next));
    if (length === 0) break;
    parts = next.map((each) => each / length);
  }
  const sizes = parts.map(Math.abs);
  return sizes.indexOf(Math.max(...sizes));
}

// --- internal ---

function combined(values: readonly number[], measure: "largest" | "sum"): number {
  return measure === "largest" ? Math.max(...values) : total(values);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0);
}

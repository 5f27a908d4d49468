import type { AttackContext } from "./sending.ts";
import { meanOf, medianNorm, norm, plus, type Row } from "./statistics.ts";

/** Evaluations in all, and the first step: as ByzFL (LPD-EPFL/byzfl) has them. */
const BYZFL = { evaluations: 20, firstStep: 10 };
/** An update this many times as long as honest ones is not refused yet, whatever a codec's rounding adds. */
const LENGTH_MAX = 4;

/**
 * The factor from 0 on with the largest measure, by ByzFL's line search: steps double while each is better, then
 * shrink by a fifth.
 */
export function largestOf(
  measure: (factor: number) => number,
  { evaluations, firstStep } = BYZFL,
): number {
  let factor = 0;
  let best = measure(0);
  let step = firstStep;
  let grows = true;
  for (let count = 1; count < evaluations; count += 1) {
    const reached = measure(factor + step);
    const isBetter = reached > best;
    if (isBetter) [factor, best] = [factor + step, reached];
    grows &&= isBetter;
    step *= grows ? 2 : 0.8;
  }
  return factor;
}

/**
 * The update of a family that takes the mix farthest from the mean of honest updates when all attackers send it. None
 * is longer than `lengthMax` median honest ones: it would be refused.
 */
export function mostHarmful(
  { honest, collusion }: Pick<AttackContext, "honest" | "collusion">,
  family: (factor: number) => Row,
  lengthMax = LENGTH_MAX,
): Row {
  const mean = meanOf(honest);
  const longest = lengthMax * medianNorm(honest);
  const factor = largestOf((each) => {
    const update = Float32Array.from(family(each));
    if (norm(update) > longest) return Number.NEGATIVE_INFINITY;
    const copies = Array.from({ length: collusion.attackers }, () => update);
    return norm(plus(collusion.mix([...honest, ...copies]), -1, mean));
  });
  return family(factor);
}

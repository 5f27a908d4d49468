/** Loss after so many bytes sent, round by round. */
export interface RateCurve {
  readonly bytesPerPeer: readonly number[];
  readonly loss: readonly number[];
}

/** A loss that a run had reached, and the logarithm of what it took. */
type Point = readonly [loss: number, logBytes: number];

/**
 * How many times the bytes of `reference` a run takes for the same loss: the geometric mean over all losses that both
 * pass through (Bjontegaard's delta rate, VCEG-M33, as a factor; between rounds by straight lines). Losses that rise
 * again do not count: a state is kept when it was good.
 *
 * @returns null where they pass through no loss together
 */
export function rateAgainst(run: RateCurve, reference: RateCurve): number | null {
  const [points, others] = [descent(run), descent(reference)];
  const [first, otherFirst] = [points[0]?.[0], others[0]?.[0]];
  const [last, otherLast] = [points.at(-1)?.[0], others.at(-1)?.[0]];
  if (first === undefined || otherFirst === undefined) return null;
  const worst = Math.min(first, otherFirst);
  const best = Math.max(last ?? first, otherLast ?? otherFirst);
  if (!(best < worst)) return null;
  const area = areaWithin(points, best, worst) - areaWithin(others, best, worst);
  return Math.exp(area / (worst - best));
}

// --- internal ---

/** Each round that is better than all before it. */
function descent({ bytesPerPeer, loss }: RateCurve): readonly Point[] {
  const points: Point[] = [];
  for (const [round, each] of loss.entries()) {
    const least = points.at(-1)?.[0] ?? Number.POSITIVE_INFINITY;
    if (each < least) points.push([each, Math.log(bytesPerPeer[round] ?? 0)]);
  }
  return points;
}

/** The integral of the logarithm of bytes over losses. */
function areaWithin(points: readonly Point[], best: number, worst: number): number {
  let area = 0;
  for (const [place, [lower, high]] of points.entries()) {
    const before = points[place - 1];
    if (before === undefined) continue;
    const [upper, low] = before;
    const [from, to] = [Math.max(lower, best), Math.min(upper, worst)];
    if (from >= to) continue;
    const at = (loss: number) => low + ((high - low) * (upper - loss)) / (upper - lower);
    area += ((at(from) + at(to)) / 2) * (to - from);
  }
  return area;
}

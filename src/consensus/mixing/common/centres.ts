import { medianOf } from "./common-set.ts";
import type { Geometry } from "./geometry.ts";
import { clipFactor, medianNormClip, normalised } from "./scaling.ts";

/** A point in the span of the updates is their coefficients: its distances need no pass over the coordinates. */
type Point = readonly number[];

export interface ClippingOptions {
  readonly start: Point;
  readonly steps: number;
  /** Differences to the centre are cut to it; the median of them when absent. */
  readonly radius?: number;
}

export interface WeiszfeldOptions {
  readonly start: Point;
  readonly steps: number;
  /** The nu of RFA: a distance counts as this at least. */
  readonly smoothing: number;
  /** A step as short as this is the last. */
  readonly tolerance: number;
}

/** Steps of centred clipping; more change little where the radius is the median of the distances. */
const CLIPPING_STEPS = 5;
/** Of Weiszfeld's algorithm; smoothing and tolerance as parts of the median norm, so that the unit does not matter. */
const WEISZFELD = { steps: 50, smoothing: 1e-3, tolerance: 1e-6 } as const;

/** Centred clipping from the mean of the updates cut to their median norm, with the median distance for a radius. */
export function clippedCentre(shares: readonly number[], geometry: Geometry): Point {
  const start = medianNormClip(shares, geometry.norms);
  return centredClip(shares, geometry, { start, steps: CLIPPING_STEPS });
}

/** The geometric median from the same start. Where most updates are zero it is zero. */
export function geometricMedian(shares: readonly number[], geometry: Geometry): Point {
  const start = medianNormClip(shares, geometry.norms);
  const unit = medianOf(geometry.norms);
  if (unit === 0) return start;
  return weiszfeld(shares, geometry, {
    start,
    steps: WEISZFELD.steps,
    smoothing: WEISZFELD.smoothing * unit,
    tolerance: WEISZFELD.tolerance * unit,
  });
}

/** v <- v + Σ share·min(1, radius / |x - v|)·(x - v) (Karimireddy, He, Jaggi, ICML 2021, arXiv 2012.10333). */
export function centredClip(
  shares: readonly number[],
  geometry: Geometry,
  { start, steps, radius }: ClippingOptions,
): Point {
  const parts = normalised(shares);
  let point = start;
  for (let step = 0; step < steps; step += 1) {
    const distances = distancesTo(point, geometry);
    const reach = radius ?? medianOf(distances);
    const pulls = distances.map((length, k) => (parts[k] as number) * clipFactor(reach, length));
    const kept = 1 - pulls.reduce((sum, pull) => sum + pull, 0);
    point = point.map((coefficient, k) => kept * coefficient + (pulls[k] as number));
  }
  return point;
}

/**
 * Smoothed Weiszfeld: z <- Σ b·x / Σ b with b = share / max(nu, |x - z|) (RFA: Pillutla, Kakade, Harchaoui,
 * arXiv 1912.13445).
 */
export function weiszfeld(
  shares: readonly number[],
  geometry: Geometry,
  { start, steps, smoothing, tolerance }: WeiszfeldOptions,
): Point {
  let point = start;
  for (let step = 0; step < steps; step += 1) {
    const distances = distancesTo(point, geometry);
    const next = normalised(
      shares.map((share, k) => share / Math.max(smoothing, distances[k] as number)),
    );
    const move = next.map((coefficient, k) => coefficient - (point[k] as number));
    point = next;
    if (lengthOf(move, geometry) <= tolerance) break;
  }
  return point;
}

// --- internal ---

/** Distance of every update to a point. */
function distancesTo(point: Point, geometry: Geometry): number[] {
  const along = projections(point, geometry);
  const square = dot(point, along);
  // Rounding may bring the square of a small distance below 0.
  return along.map((product, k) =>
    Math.sqrt(Math.max(0, square + geometry.product(k, k) - 2 * product)),
  );
}

function lengthOf(point: Point, geometry: Geometry): number {
  return Math.sqrt(Math.max(0, dot(point, projections(point, geometry))));
}

/** Inner product of a point with every update. */
function projections(point: Point, geometry: Geometry): number[] {
  return point.map((_, k) => {
    let sum = 0;
    for (const [j, coefficient] of point.entries()) sum += coefficient * geometry.product(j, k);
    return sum;
  });
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, k) => sum + value * (b[k] as number), 0);
}

import { movedBy } from "../update/state-difference.ts";
import { normOf } from "./common/common-set.ts";

/** What all members of mode `agreed` have alike between rounds. */
export interface AgreedPoint {
  /** The adapter's state. */
  readonly theta: Float32Array;
  /** What the outer optimiser remembers; null of one without momentum. */
  readonly velocity: Float32Array | null;
}

/** How far a mix moves the state, and how much of the mixes before it moves on. */
export interface OuterTerms {
  readonly rate: number;
  /** In [0, 1). */
  readonly momentum: number;
}

/** Where a run begins, with this outer optimiser. */
export function firstPoint(theta: Float32Array, { momentum }: OuterTerms): AgreedPoint {
  return { theta, velocity: momentum === 0 ? null : new Float32Array(theta.length) };
}

/**
 * The state after a mix of updates: Nesterov momentum over mixes, as DiLoCo has it (arXiv 2311.08105). v' = momentum v
 * + mix; theta' = theta + rate (mix + momentum v'). In float64, v' and theta' each rounded once.
 *
 * @param normMax - Euclidean norm that v' has at most: a longer one is shortened, and rounded once more
 */
export function outerStep(
  { theta, velocity }: AgreedPoint,
  mix: Float32Array,
  { rate, momentum }: OuterTerms,
  normMax = Number.POSITIVE_INFINITY,
): AgreedPoint {
  if (velocity === null) {
    return { theta: movedBy(theta, mix, rate), velocity };
  }
  // Loops: `map` of a typed array takes five times as long.
  const whole = new Float32Array(mix.length);
  for (let i = 0; i < mix.length; i++) {
    whole[i] = momentum * (velocity[i] as number) + (mix[i] as number);
  }
  const next = shortened(whole, normMax);
  const moved = new Float32Array(theta.length);
  for (let i = 0; i < theta.length; i++) {
    const step = (mix[i] as number) + momentum * (next[i] as number);
    moved[i] = (theta[i] as number) + rate * step;
  }
  return { theta: moved, velocity: next };
}

// --- internal ---

function shortened(vector: Float32Array, normMax: number): Float32Array {
  if (normMax === Number.POSITIVE_INFINITY) return vector;
  const norm = normOf(vector);
  return norm > normMax ? vector.map((value) => (value * normMax) / norm) : vector;
}

import type { RoundTiming } from "./config.ts";

/** How a neighbour has treated the time of those who wait for it. */
export interface Patience {
  /** Rounds in which it was waited for in vain or for long, less those that are forgotten. */
  readonly misses: number;
  /** Rounds since the last miss in which nobody had to wait for it; not counted before the first. */
  readonly punctualRounds: number;
}

export const UNTRIED: Patience = { misses: 0, punctualRounds: 0 };

/** Punctual rounds, times two to the misses, after which one miss is forgotten. */
const ROUNDS_PER_PARDON = 16;
/** Exponents stop here: 2^20 rounds are longer than any run. */
const EXPONENT_MAX = 20;

/** For how long a neighbour is waited for: the whole grace, the time that it may take every round, or not at all. */
export type Wait = "grace" | "tolerance" | "none";

/**
 * How long the others wait for the neighbour. One that was waited for in vain too often must first be punctual by
 * itself in 1, 3, 7, … rounds, and gets no grace. So whatever pattern a peer chooses, the waits that it costs become
 * short and rare.
 */
export function waitFor(
  { misses, punctualRounds }: Patience,
  { missesMax }: Pick<RoundTiming, "missesMax">,
): Wait {
  if (misses < missesMax) return "grace";
  return punctualRounds >= powerOfTwo(misses - missesMax + 1) - 1 ? "tolerance" : "none";
}

/** Least grace for announcements after a quorum: longer rounds differ by more. Milliseconds, as is the own training time. */
export function commitGrace(
  { commitGraceMs, graceShare }: Pick<RoundTiming, "commitGraceMs" | "graceShare">,
  trainingMs: number | null,
): number {
  return Math.max(commitGraceMs, graceShare * (trainingMs ?? 0));
}

/** How long a peer may come after the quorum every time: a share of the grace, and of what the round takes anyway. */
export function tolerance(
  { toleranceShare, graceShare }: Pick<RoundTiming, "toleranceShare" | "graceShare">,
  trainingMs: number | null,
  grace: number,
): number {
  return Math.min(grace, Math.max(toleranceShare * grace, graceShare * (trainingMs ?? 0)));
}

/**
 * It was waited for in vain, or for long.
 *
 * @param isCertain - false while this node itself may be the one cut off: then the neighbour has to prove itself for
 *   one round at most
 */
export function afterMiss(
  { misses }: Patience,
  { missesMax }: Pick<RoundTiming, "missesMax">,
  isCertain: boolean,
): Patience {
  const counted = isCertain ? misses + 1 : Math.max(misses, Math.min(misses + 1, missesMax));
  return { misses: counted, punctualRounds: 0 };
}

/** Nobody had to wait for it. */
export function afterPunctualRound({ misses, punctualRounds }: Patience): Patience {
  if (misses === 0) return UNTRIED;
  if (punctualRounds + 1 < ROUNDS_PER_PARDON * powerOfTwo(misses)) {
    return { misses, punctualRounds: punctualRounds + 1 };
  }
  return { misses: misses - 1, punctualRounds: powerOfTwo(misses) };
}

/** By shifting: exact on every machine. */
function powerOfTwo(exponent: number): number {
  return 1 << Math.min(exponent, EXPONENT_MAX);
}

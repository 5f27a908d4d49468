import { distance, type Mixture, type Vector } from "./contributions.ts";

/** Shares are sums of fractions: closer than this counts as equal. */
const SHARE_TOLERANCE = 1e-9;

/** One's own state (distance 0) and the contributions, by distance; ties in the order of peer ids, own first. */
interface Ranked {
  readonly index: number;
  readonly share: number;
  readonly distance: number;
}

const OWN = -1;

function rank(mixture: Mixture<Vector>): readonly Ranked[] {
  const ranked: Ranked[] = mixture.states.map((state, index) => ({
    index,
    share: mixture.shares[index] as number,
    distance: distance(mixture.own, state),
  }));
  ranked.unshift({ index: OWN, share: mixture.ownShare, distance: 0 });
  return ranked.sort((a, b) => a.distance - b.distance || a.index - b.index);
}

function sum(ranked: readonly Ranked[]): number {
  let total = 0;
  for (const { share } of ranked) total += share;
  return total;
}

/** Share left when twice (or once) the attackers' share is taken off; at most 0 means: trust nobody. */
function targetShare(ranked: readonly Ranked[], off: number): number {
  return sum(ranked) - off;
}

/** Writes own + Σ share·factor·(state − own) into `out`; float64 accumulation in the order of peer ids. */
function applyFactors(mixture: Mixture<Vector>, factors: readonly number[], out: Vector): void {
  const { own, states, shares } = mixture;
  const move = new Float64Array(own.length);
  for (const [j, state] of states.entries()) {
    const coefficient = (shares[j] as number) * (factors[j] as number);
    if (coefficient === 0) continue;
    for (let i = 0; i < move.length; i += 1) {
      move[i] = (move[i] as number) + coefficient * ((state[i] as number) - (own[i] as number));
    }
  }
  for (let i = 0; i < out.length; i += 1) out[i] = (own[i] as number) + (move[i] as number);
}

/** Factors min(1, radius / distance), with 0/0 = 1. */
function clipFactors(
  mixture: Mixture<Vector>,
  ranked: readonly Ranked[],
  radius: number,
): number[] {
  const factors = mixture.states.map(() => 1);
  for (const { index, distance: length } of ranked) {
    if (index !== OWN && length > radius) factors[index] = radius / length;
  }
  return factors;
}

/** Plain gossip: own + Σ share·(state − own). No attacker is tolerated. */
export function mean(mixture: Mixture<Vector>, out: Vector): void {
  applyFactors(
    mixture,
    mixture.states.map(() => 1),
    out,
  );
}

/**
 * CS+ (Gaucher, Dieuleveut, Hendrikx, ICML 2025, arXiv 2410.10418): clips every difference to the largest distance such
 * that contributions beyond it hold at least twice the attackers' share.
 */
export function csPlus(mixture: Mixture<Vector>, out: Vector): void {
  const ranked = rank(mixture);
  const target = targetShare(ranked, 2 * mixture.attackerShare);
  applyFactors(mixture, clipFactors(mixture, ranked, csPlusRadius(ranked, target)), out);
}

function csPlusRadius(ranked: readonly Ranked[], target: number): number {
  if (target <= 0) return 0;
  let total = 0;
  let previous = 0;
  for (const { share, distance: length } of ranked) {
    total += share;
    if (Math.abs(total - target) < SHARE_TOLERANCE) return length;
    if (total > target) return previous;
    previous = length;
  }
  return previous;
}

/**
 * GTS (same paper; with equal shares the nearest-neighbour averaging of MoNNA, arXiv 2209.10931): drops the farthest
 * contributions up to the attackers' share, the one on the boundary in part.
 */
export function gts(mixture: Mixture<Vector>, out: Vector): void {
  const ranked = rank(mixture);
  const factors = mixture.states.map(() => 0);
  let room = targetShare(ranked, mixture.attackerShare);
  for (const { index, share } of ranked) {
    if (room <= SHARE_TOLERANCE) break;
    const kept = share - room < SHARE_TOLERANCE ? share : room;
    if (index !== OWN) factors[index] = kept / share;
    room -= kept;
  }
  applyFactors(mixture, factors, out);
}

/**
 * Self-centred clipping with the radius of He, Karimireddy, Jaggi (arXiv 2202.01545), as the released code has it:
 * radius² = Σ share·distance² / attackers' share. The sum is over the contributions strictly below the attackers'
 * share from the top; with equal shares these are the n−b−1 nearest, own included.
 */
export function csHe(mixture: Mixture<Vector>, out: Vector): void {
  const ranked = rank(mixture);
  if (mixture.attackerShare <= 0) {
    mean(mixture, out);
    return;
  }
  const target = targetShare(ranked, mixture.attackerShare);
  let total = 0;
  let squares = 0;
  for (const { share, distance: length } of ranked) {
    total += share;
    if (total >= target - SHARE_TOLERANCE) break;
    squares += share * length * length;
  }
  const radius = Math.sqrt(squares / mixture.attackerShare);
  applyFactors(mixture, clipFactors(mixture, ranked, radius), out);
}

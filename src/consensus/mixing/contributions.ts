import assert from "node:assert/strict";
import type { PeerId } from "../../types.ts";

/** A state in single precision (production) or double precision (comparison with reference vectors). */
export type Vector = Float32Array | Float64Array;

/** A candidate with its share in a mix. */
export interface Contribution<V extends Vector = Float32Array> {
  readonly peer: PeerId;
  /** Its state, of the same length as one's own. */
  readonly state: V;
  /** Coefficient in [0, 1]; 0 leaves the contribution out. */
  readonly share: number;
}

/** Everything that a mixing rule may know. */
export interface MixInput<V extends Vector = Float32Array> {
  /** One's own state; its share is 1 minus the sum of the others. */
  readonly own: V;
  /** In any order. */
  readonly contributions: readonly Contribution<V>[];
  /** The b of the run: contributions that may be anything. */
  readonly attackersMax: number;
  /** Total share that attackers may hold (b_w); b times the largest share when absent. */
  readonly attackerShare?: number;
}

/** A checked input: contributions in use, sorted by peer id. */
export interface Mixture<V extends Vector> {
  readonly own: V;
  readonly ownShare: number;
  readonly states: readonly V[];
  readonly shares: readonly number[];
  readonly attackersMax: number;
  readonly attackerShare: number;
}

/**
 * Sorts and checks an input. Everything here was parsed at a door, so what does not fit is a bug.
 *
 * @throws AssertionError for a wrong length, a share outside [0, 1], shares above 1 together, or a non-finite number
 */
export function prepare<V extends Vector>(input: MixInput<V>): Mixture<V> {
  const { own, attackersMax } = input;
  assertFinite(own, "own state");
  const used = input.contributions.filter((contribution) => contribution.share !== 0);
  used.sort((a, b) => (a.peer < b.peer ? -1 : 1));
  let total = 0;
  let largest = 0;
  let previous: PeerId | null = null;
  for (const { peer, state, share } of used) {
    assert.notEqual(peer, previous, "one contribution for each peer");
    assert.equal(state.length, own.length, "states of one length");
    assert.ok(share > 0 && share <= 1, "a share lies in [0, 1]");
    assertFinite(state, peer);
    total += share;
    largest = Math.max(largest, share);
    previous = peer;
  }
  assert.ok(total <= 1 + 1e-9, "shares of others are at most 1 together");
  return {
    own,
    ownShare: Math.max(0, 1 - total),
    states: used.map((contribution) => contribution.state),
    shares: used.map((contribution) => contribution.share),
    attackersMax,
    attackerShare: input.attackerShare ?? attackersMax * largest,
  };
}

/** The sum of magnitudes is finite exactly when every element is: 2^31 elements of 3.4e38 stay far below 1.8e308. */
function assertFinite(state: Vector, name: string): void {
  let sum = 0;
  for (let i = 0; i < state.length; i += 1) sum += Math.abs(state[i] as number);
  assert.ok(Number.isFinite(sum), `${name} holds a number that is not finite`);
}

/** Euclidean distance, accumulated in float64 in the order of coordinates. */
export function distance(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = (a[i] as number) - (b[i] as number);
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

import assert from "node:assert/strict";

/**
 * What a roster of n members, one vote each, tolerates: f = floor((n - 1) / 3) members may do anything, and q =
 * floor((n + f) / 2) + 1 make a quorum. Two quorums share an honest member, and n - f members always are one.
 */
export interface Quorum {
  readonly members: number;
  readonly faulty: number;
  readonly size: number;
}

/** The quorum of a roster of so many members. */
export function quorumOf(members: number): Quorum {
  assert.ok(Number.isSafeInteger(members) && members >= 1, "a roster has members");
  const faulty = Math.floor((members - 1) / 3);
  return { members, faulty, size: Math.floor((members + faulty) / 2) + 1 };
}

/** Whether so many of a number of members have signed, each once and in order of their places. */
export function isSignedBy(
  size: number,
  members: number,
  signatures: readonly { readonly place: number }[],
): boolean {
  const places = signatures.map(({ place }) => place);
  const isRising = places.every((place, i) => place < members && place > (places[i - 1] ?? -1));
  return isRising && places.length >= size;
}

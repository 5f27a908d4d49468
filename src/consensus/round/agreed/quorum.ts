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

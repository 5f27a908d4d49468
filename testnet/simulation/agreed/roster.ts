import type { MakeMembers } from "../../../src/consensus/index.ts";
import { shuffled } from "../../../src/random.ts";
import type { PeerId } from "../../../src/types.ts";
import { createRandom } from "../../random.ts";
import type { Member } from "./member.ts";

/** The member of a schedule with this number; names sort as the numbers do. */
export function nameOf(number: number): PeerId {
  return `member ${String(number).padStart(4, "0")}`;
}

export function namesOf(first: number, amount: number): readonly PeerId[] {
  return Array.from({ length: amount }, (_, i) => nameOf(first + i));
}

/** How rosters are made in schedules: names that stand for digests, turns from the seed. */
export function makeMembers(seed: number): MakeMembers {
  return (peers) => ({
    peers,
    digest: `roster of ${peers.join()}`,
    turns: shuffled([...peers.keys()], createRandom(seed, "turns")),
  });
}

/** Whom the blocks of the longest of these chains have put out, and whom they have added. */
export function changedBy(members: readonly Member[]): {
  readonly evicted: readonly PeerId[];
  readonly added: readonly PeerId[];
} {
  const [longest] = members.toSorted((a, b) => b.head.height - a.head.height);
  const [first, last] = [longest?.first ?? [], longest?.head.members.peers ?? []];
  return {
    evicted: first.filter((peer) => !last.includes(peer)),
    added: last.filter((peer) => !first.includes(peer)),
  };
}

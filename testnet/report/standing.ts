import type { NodeStatus } from "../../src/node/records/records.ts";
import { mean } from "../../src/node/view/quantities.ts";
import { type PeerId, STANDINGS, type Standing } from "../../src/types.ts";

/** What honest peers think of one peer. */
export interface Reputation {
  /** The standing that most of them give it; of equally frequent ones the worse. */
  readonly standing: Standing;
  /** How many give it each standing. */
  readonly standings: Readonly<Record<Standing, number>>;
  readonly score: number | null;
}

/** A peer's reputation among others, from the statuses of honest ones that see it as a neighbour. */
export function reputationOf(peer: PeerId, statuses: readonly NodeStatus[]): Reputation {
  const opinions = statuses
    .filter((status) => status.peerId !== peer)
    .flatMap((status) => status.peers.filter((other) => other.peer === peer && other.neighbour));
  const standings = { full: 0, reduced: 0, isolated: 0, evicted: 0 };
  for (const opinion of opinions) standings[opinion.standing] += 1;
  const standing = STANDINGS.reduce((best, other) =>
    standings[other] > 0 && standings[other] >= standings[best] ? other : best,
  );
  return { standing, standings, score: mean(opinions.map((opinion) => opinion.score)) };
}

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

/**
 * A peer's reputation among others, from the statuses of honest ones that see it as a neighbour. Who is no member any
 * more in mode `agreed` is in none of their lists.
 */
export function reputationOf(peer: PeerId, statuses: readonly NodeStatus[]): Reputation {
  const others = statuses.filter(({ peerId, peers }) => peerId !== peer && peers.length > 0);
  const known = others.map(({ peers }) => peers.find((other) => other.peer === peer) ?? null);
  const opinions = known.filter((other) => other !== null).filter(({ neighbour }) => neighbour);
  const evicted = known.filter((other) => other === null).length;
  const standings = { full: 0, reduced: 0, isolated: 0, evicted };
  for (const opinion of opinions) standings[opinion.standing] += 1;
  const standing = STANDINGS.reduce((best, other) =>
    standings[other] > 0 && standings[other] >= standings[best] ? other : best,
  );
  return { standing, standings, score: mean(opinions.map((opinion) => opinion.score)) };
}

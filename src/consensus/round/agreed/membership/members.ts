import type { Digest, PeerId } from "../../../../types.ts";

/** The members of a height: its roster, with what follows from it. */
export interface Members {
  /** Sorted by peer id: a member's place is its index. */
  readonly peers: readonly PeerId[];
  /** Digest of the roster. */
  readonly digest: Digest;
  /** Every place once, in the order in which members propose. */
  readonly turns: readonly number[];
}

/** The members of a run with these peers, which are sorted: what it takes to hash is the caller's. */
export type MakeMembers = (peers: readonly PeerId[]) => Members;

/** Where each member is in the roster. */
export function placesOf({ peers }: Pick<Members, "peers">): ReadonlyMap<PeerId, number> {
  return new Map(peers.map((peer, place) => [peer, place]));
}

/** What was known by place, for another roster: of whom it takes the place of, or the first value. */
export function moved<T>(
  values: readonly T[],
  from: Members,
  to: Members,
  { first, successors }: { readonly first: T; readonly successors: ReadonlyMap<PeerId, PeerId> },
): readonly T[] {
  if (from === to) return values;
  const places = placesOf(from);
  return to.peers.map((peer) => {
    const place = places.get(successors.get(peer) ?? peer);
    return place === undefined ? first : (values[place] ?? first);
  });
}

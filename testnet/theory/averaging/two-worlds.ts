/** Honest peers of each world, and with how many of the other world each is linked. */
const [WORLD, CROSS] = [13, 8];

/** Honest peers in all. */
export const HONEST = 2 * WORLD;

/** Honest neighbours of every honest peer: all of its world, and eight of the other one in a circle. */
export const NEIGHBOURS: readonly (readonly number[])[] = Array.from(
  { length: HONEST },
  (_, peer) =>
    [...Array(HONEST).keys()].filter((other) => other !== peer && areLinked(peer, other)),
);

/** The Fiedler vector: which world a peer is of. Its eigenvalue, the connectivity of the graph, is 16. */
export const FIEDLER: readonly number[] = Array.from(
  { length: HONEST },
  (_, peer) => (peer < WORLD ? 1 : -1) / Math.sqrt(HONEST),
);

// --- internal ---

function areLinked(a: number, b: number): boolean {
  const [first, second] = a < b ? [a, b] : [b, a];
  if (first < WORLD === second < WORLD) return true;
  return (second - WORLD - first + WORLD) % WORLD < CROSS;
}

import { seededRandom, shuffled } from "../../random.ts";

/**
 * Whose states each peer takes into its own in a round, and with which share; by places in the sorted roster. The rest
 * is its own share. Doubly stochastic, own shares included: the average of all is kept.
 */
export type RoundGraph = readonly ReadonlyMap<number, number>[];

/** Hops of 1, 2, 4, … that reach everybody: as many as `count` has binary digits. */
export function exponentialHops(count: number): readonly number[] {
  const hops: number[] = [];
  for (let hop = 1; hop < count; hop *= 2) hops.push(hop);
  return hops;
}

/** Every peer takes the same share of those that are so many places on, around a circle. */
export function hopsGraph(count: number, hops: readonly number[]): RoundGraph {
  const share = 1 / (hops.length + 1);
  return Array.from(
    { length: count },
    (_, place) => new Map(hops.map((hop) => [(place + hop) % count, share])),
  );
}

/**
 * Epidemic learning (de Vos et al., NeurIPS 2023, EL-Oracle): each peer takes the states of `degree` others, and as
 * many take its own, drawn anew in every round. The peers stand in a circle in a random order, and each takes those
 * after it: of any peer every set of others is as likely, and a round leaves no group apart.
 */
export function epidemicGraph(
  count: number,
  degree: number,
  { seed, round }: { readonly seed: number; readonly round: number },
): RoundGraph {
  // 2^32 over the golden ratio: rounds of one seed begin far apart
  const random = seededRandom(seed + Math.imul(round, 0x9e3779b9));
  const order = shuffled([...Array(count).keys()], random);
  const share = 1 / (degree + 1);
  const rows: ReadonlyMap<number, number>[] = Array(count);
  for (const [position, place] of order.entries()) {
    const row = new Map<number, number>();
    for (let step = 1; step <= degree; step += 1) {
      row.set(order[(position + step) % count] as number, share);
    }
    rows[place] = row;
  }
  return rows;
}

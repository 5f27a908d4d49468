import { KlatchError } from "../../errors.ts";
import type { PeerId } from "../../types.ts";
import { byPeer } from "../round/round-state.ts";
import { formatTopology, type Topology } from "./topology.ts";

/** Neighbours of every peer, both sorted by peer id; symmetric, without loops. */
export type Graph = ReadonlyMap<PeerId, readonly PeerId[]>;

/**
 * The graph of a topology over a roster: the same for every peer that holds the same roster, in whatever order.
 *
 * @throws KlatchError `usage` for a topology that is not one graph whose links go both ways, and for more or fewer
 *   peers than it can have
 */
export function buildGraph(topology: Topology, roster: readonly PeerId[]): Graph {
  const peers = [...new Set(roster)].sort(byPeer);
  const edges = edgesOf(topology, peers.length);
  return new Map(
    peers.map((peer, i) => [
      peer,
      [...(edges[i] ?? [])].sort((a, b) => a - b).map((j) => peers[j] ?? ""),
    ]),
  );
}

function edgesOf(topology: Topology, count: number): readonly ReadonlySet<number>[] {
  switch (topology.kind) {
    case "full":
      return regular(topology, count, count - 1);
    case "ring":
      return regular(topology, count, Math.min(2, count - 1));
    case "regular":
      return regular(topology, count, count <= 1 ? 0 : topology.degree);
    case "torus":
      return torus(count);
    default: {
      const sentence = `${formatTopology(topology)} is not one graph whose links go both ways.`;
      throw new KlatchError("usage", sentence, "Ask a MixingPlan for the graph of a round.");
    }
  }
}

function regular(
  topology: Topology,
  count: number,
  degree: number,
): readonly ReadonlySet<number>[] {
  if (degree >= count && count > 1) {
    const sentence = `${formatTopology(topology)} needs more than ${count} peers.`;
    throw new KlatchError("usage", sentence, "Choose a smaller degree or the topology full.");
  }
  if ((degree * count) % 2 === 1) {
    const sentence = `No regular graph has ${count} peers of degree ${degree}.`;
    throw new KlatchError("usage", sentence, "Choose an even degree, or an even number of peers.");
  }
  const edges = circulant(count, degree);
  if (topology.kind === "regular") shuffleEdges(edges, count);
  if (!isConnected(edges)) {
    const sentence = `${formatTopology(topology)} falls apart into separate groups.`;
    throw new KlatchError("usage", sentence, "Choose a degree of at least 2.");
  }
  return edges;
}

/** Rows and columns that close on themselves, as near to a square as the number of peers allows. */
function torus(count: number): readonly ReadonlySet<number>[] {
  let rows = Math.floor(Math.sqrt(count));
  while (rows > 2 && count % rows !== 0) rows -= 1;
  if (rows < 3) {
    const sentence = `No torus has ${count} peers: it has at least 3 rows and 3 columns.`;
    throw new KlatchError("usage", sentence, "Choose a number such as 9, 12, 16, or regular:4.");
  }
  const columns = count / rows;
  const edges = Array.from({ length: count }, () => new Set<number>());
  for (let i = 0; i < count; i += 1) {
    const column = i % columns;
    link(edges, i, i - column + ((column + 1) % columns));
    link(edges, i, (i + columns) % count);
  }
  return edges;
}

/** Each peer linked to the nearest ones in a circle, and to the one opposite when the degree is odd. */
function circulant(count: number, degree: number): Set<number>[] {
  const edges = Array.from({ length: count }, () => new Set<number>());
  for (let i = 0; i < count; i += 1) {
    for (let step = 1; step <= Math.floor(degree / 2); step += 1)
      link(edges, i, (i + step) % count);
    if (degree % 2 === 1) link(edges, i, (i + count / 2) % count);
  }
  return edges;
}

function link(edges: readonly Set<number>[], a: number, b: number): void {
  edges[a]?.add(b);
  edges[b]?.add(a);
}

function unlink(edges: readonly Set<number>[], a: number, b: number): void {
  edges[a]?.delete(b);
  edges[b]?.delete(a);
}

/**
 * Exchanges ends of random pairs of edges: a random regular graph has about the largest algebraic connectivity that its
 * degree allows, a circle almost none. The sequence is fixed, so every peer builds the same graph.
 */
function shuffleEdges(edges: readonly Set<number>[], count: number): void {
  let state = 1;
  const next = (bound: number): number => {
    // 32-bit linear congruential generator (Numerical Recipes); the product stays below 2^53.
    state = (1664525 * state + 1013904223) % 4294967296;
    return Math.floor((state / 4294967296) * bound);
  };
  // Each edge changes ends about eight times.
  const swaps = 2 * count * (edges[0]?.size ?? 0);
  for (let i = 0; i < swaps; i += 1) {
    const [a, c] = [next(count), next(count)];
    const b = pick(edges[a], next);
    const d = pick(edges[c], next);
    const fresh = a !== c && a !== d && b !== c && b !== d;
    if (!fresh || edges[a]?.has(d) || edges[c]?.has(b)) continue;
    unlink(edges, a, b);
    unlink(edges, c, d);
    link(edges, a, d);
    link(edges, c, b);
    if (areConnected(edges, a, b)) continue;
    unlink(edges, a, d);
    unlink(edges, c, b);
    link(edges, a, b);
    link(edges, c, d);
  }
}

function pick(of: ReadonlySet<number> | undefined, next: (bound: number) => number): number {
  // Sorted, because the order of a set depends on its history.
  const sorted = [...(of ?? [])].sort((a, b) => a - b);
  return sorted[next(sorted.length)] ?? 0;
}

/**
 * Whether there is a way between two places. A graph whose edges a-b and c-d became a-d and c-b is still connected
 * exactly when there is one from a to b; looked for from both ends, a few places are enough.
 */
function areConnected(edges: readonly ReadonlySet<number>[], a: number, b: number): boolean {
  let [near, far] = [new Set([a]), new Set([b])];
  let [edge, other] = [[a], [b]];
  while (edge.length > 0) {
    const next: number[] = [];
    for (const place of edge) {
      for (const neighbour of edges[place] ?? []) {
        if (far.has(neighbour)) return true;
        if (near.has(neighbour)) continue;
        near.add(neighbour);
        next.push(neighbour);
      }
    }
    [near, far, edge, other] = [far, near, other, next];
  }
  return false;
}

function isConnected(edges: readonly ReadonlySet<number>[]): boolean {
  if (edges.length <= 1) return true;
  const seen = new Set([0]);
  for (const node of seen) for (const neighbour of edges[node] ?? []) seen.add(neighbour);
  return seen.size === edges.length;
}

/**
 * Metropolis shares of one peer's neighbours: 1 / (1 + the larger of both degrees). Symmetric and, with the rest as the
 * peer's own share, doubly stochastic: the average of all is kept.
 *
 * @returns share of each neighbour; the peer's own is 1 minus their sum
 */
export function metropolisShares(graph: Graph, peer: PeerId): ReadonlyMap<PeerId, number> {
  const own = graph.get(peer) ?? [];
  return new Map(
    own.map((neighbour) => [
      neighbour,
      1 / (1 + Math.max(own.length, graph.get(neighbour)?.length ?? 0)),
    ]),
  );
}

import { KlatchError } from "../../errors.ts";
import type { PeerId } from "../../types.ts";
import { byPeer } from "../round/round-state.ts";

/** Who exchanges with whom. */
export type Topology =
  | { readonly kind: "full" }
  | { readonly kind: "ring" }
  | { readonly kind: "regular"; readonly degree: number };

/** Neighbours of every peer, both sorted by peer id; symmetric, without loops. */
export type Graph = ReadonlyMap<PeerId, readonly PeerId[]>;

const HINT = "Use full, ring or regular:K, for example regular:6.";

/**
 * Reads `full`, `ring` or `regular:K`.
 *
 * @throws KlatchError `usage` for anything else
 */
export function parseTopology(text: string): Topology {
  if (text === "full" || text === "ring") return { kind: text };
  const degree = /^regular:([1-9][0-9]{0,3})$/.exec(text)?.[1];
  if (degree === undefined) throw new KlatchError("usage", `No topology is called ${text}.`, HINT);
  return { kind: "regular", degree: Number(degree) };
}

/** The text that `parseTopology` reads. */
export function formatTopology(topology: Topology): string {
  return topology.kind === "regular" ? `regular:${topology.degree}` : topology.kind;
}

/**
 * The graph of a topology over a roster: the same for every peer that holds the same roster, in whatever order.
 *
 * @throws KlatchError `usage` when there is no regular graph of this degree over this many peers
 */
export function buildGraph(topology: Topology, roster: readonly PeerId[]): Graph {
  const peers = [...new Set(roster)].sort(byPeer);
  const count = peers.length;
  const degree = degreeOf(topology, count);
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
  return new Map(
    peers.map((peer, i) => [
      peer,
      [...(edges[i] ?? [])].sort((a, b) => a - b).map((j) => peers[j] ?? ""),
    ]),
  );
}

/** Neighbours that each of `count` peers has. */
export function degreeOf(topology: Topology, count: number): number {
  if (count <= 1) return 0;
  if (topology.kind === "full") return count - 1;
  if (topology.kind === "ring") return Math.min(2, count - 1);
  return topology.degree;
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
    if (isConnected(edges)) continue;
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

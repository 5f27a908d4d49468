import { KlatchError } from "../../errors.ts";
import type { PeerId } from "../../types.ts";
import { byPeer } from "../round/round-state.ts";
import { baseSequence } from "./base-graph.ts";
import { buildGraph, type Graph, metropolisShares } from "./fixed-graph.ts";
import { epidemicGraph, exponentialHops, hopsGraph, type RoundGraph } from "./round-graph.ts";
import { formatTopology, type Topology } from "./topology.ts";

/** Graphs of rounds that are held: of a topology that repeats itself all, else the newest. */
const HELD_MAX = 64;

/** Whom each peer of a roster takes shares of, round by round: the same for all that hold the same roster and seed. */
export class MixingPlan {
  /** In the order of ids, as {@link at} counts them. */
  readonly peers: readonly PeerId[];
  /** The graph of a topology that is the same in every round and in both directions; null of another. */
  readonly graph: Graph | null;
  readonly #graphOf: (round: number) => RoundGraph;
  readonly #places: ReadonlyMap<PeerId, number>;

  /** @throws KlatchError `usage` when the topology cannot be had over so many peers */
  constructor(topology: Topology, roster: readonly PeerId[], seed: number) {
    const peers = [...new Set(roster)].sort(byPeer);
    this.peers = peers;
    this.#places = new Map(peers.map((peer, place) => [peer, place]));
    this.graph = null;
    switch (topology.kind) {
      case "exponential":
      case "one-peer-exponential":
      case "base":
        this.#graphOf = repeated(sequenceOf(topology, peers.length));
        break;
      case "epidemic": {
        requireOthers(topology, topology.degree, peers.length);
        const degree = Math.min(topology.degree, peers.length - 1);
        this.#graphOf = newest((round) => epidemicGraph(peers.length, degree, { seed, round }));
        break;
      }
      default: {
        const graph = buildGraph(topology, roster);
        this.graph = graph;
        const rows = newest(() =>
          peers.map((peer) => this.#byPlace(metropolisShares(graph, peer))),
        );
        this.#graphOf = () => rows(0);
      }
    }
  }

  /** The graph of a round. */
  at(round: number): RoundGraph {
    return this.#graphOf(round);
  }

  /** Whose states a peer takes in a round, and with which share; nobody's for a stranger. */
  sharesOf(peer: PeerId, round: number): ReadonlyMap<PeerId, number> {
    if (this.graph !== null) return metropolisShares(this.graph, peer);
    const row = this.at(round)[this.#places.get(peer) ?? -1] ?? new Map<number, number>();
    return new Map([...row].map(([place, share]) => [this.peers[place] as PeerId, share]));
  }

  #byPlace(shares: ReadonlyMap<PeerId, number>): ReadonlyMap<number, number> {
    return new Map([...shares].map(([peer, share]) => [this.#places.get(peer) as number, share]));
  }
}

/**
 * The graphs that a topology goes through, again and again.
 *
 * @param count - peers
 */
export function sequenceOf(
  topology: Extract<Topology, { kind: "exponential" | "one-peer-exponential" | "base" }>,
  count: number,
): readonly RoundGraph[] {
  const hops = exponentialHops(count);
  if (topology.kind === "exponential") return [hopsGraph(count, hops)];
  if (topology.kind === "base") return baseSequence(count, topology.base);
  return hops.map((hop) => hopsGraph(count, [hop]));
}

// --- internal ---

function repeated(sequence: readonly RoundGraph[]): (round: number) => RoundGraph {
  return (round) => sequence[round % sequence.length] ?? [new Map()];
}

function newest(make: (round: number) => RoundGraph): (round: number) => RoundGraph {
  const held = new Map<number, RoundGraph>();
  return (round) => {
    const graph = held.get(round) ?? make(round);
    held.set(round, graph);
    for (const oldest of held.keys()) {
      if (held.size <= HELD_MAX) break;
      held.delete(oldest);
    }
    return graph;
  };
}

function requireOthers(topology: Topology, degree: number, count: number): void {
  if (count <= 1 || degree < count) return;
  const sentence = `${formatTopology(topology)} needs more than ${count} peers.`;
  throw new KlatchError("usage", sentence, "Choose a smaller number or the topology full.");
}

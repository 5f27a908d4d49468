import type { MixingRule, PeerId } from "../../types.ts";
import { symmetricEigenvalues } from "./eigenvalues.ts";
import type { Graph } from "./fixed-graph.ts";

/** How many attackers a mixing rule provably tolerates on a graph. */
export interface Certificate {
  readonly rule: MixingRule;
  /** Certified number of attackers in the whole network; 0 means none. */
  readonly attackersMax: number;
  /** Algebraic connectivity μ2 of the graph: second smallest eigenvalue of its Laplacian with unit edges. */
  readonly connectivity: number;
  /** How it was found: every set of attackers tried, Fiedler's lower bound, counting, or nothing to find. */
  readonly method: "exhaustive" | "fiedler" | "counting" | "none";
  /** One sentence for a person. */
  readonly statement: string;
}

/** Peers up to which every set of attackers is tried. */
const EXHAUSTIVE_PEERS_MAX = 16;
/** Rounding of eigenvalues: 4b ≤ μ2 − b holds with equality on complete graphs of 5, 10, 15, … peers. */
const TOLERANCE = 1e-9;

/** b·factor ≤ μ2 of the honest graph; factor 2ρ with ρ = 2 (CS+), 4 (GTS, self-centred clipping). */
const CONNECTIVITY_FACTOR: Partial<Record<MixingRule, number>> = {
  "cs-plus": 4,
  gts: 8,
  "cs-he": 8,
};

/**
 * The certified number of attackers of a rule on a graph.
 *
 * Clipping rules: the largest b with factor·b ≤ μ2(G − S) for every set S of b peers (Gaucher et al., arXiv
 * 2410.10418, where the constants are derived; non-strict). Up to 16 peers every S is tried. Beyond, Fiedler's bound
 * μ2(G − S) ≥ μ2(G) − |S| stands in, which is exact on complete graphs.
 *
 * Coordinate-wise rules are certified on complete graphs only, for n > 2b: announcements keep an attacker from
 * telling peers different things. On other graphs peers may stop approaching one another.
 */
export function certify(rule: MixingRule, graph: Graph): Certificate {
  const connectivity = algebraicConnectivity(graph, new Set());
  const factor = CONNECTIVITY_FACTOR[rule];
  if (factor !== undefined) return certifyClipping(rule, graph, factor, connectivity);
  if (rule === "mean") {
    const statement = "The mean tolerates no attacker: a single one can move it anywhere.";
    return { rule, attackersMax: 0, connectivity, method: "none", statement };
  }
  return certifyCoordinateWise(rule, graph, connectivity);
}

/** Of a graph that differs from round to round, or in which shares go one way, nothing is certified. */
export function certifyNothing(rule: MixingRule, topology: string): Certificate {
  const statement = `${rule} is not certified for any attacker on ${topology}: certificates are of one graph, whose links go both ways.`;
  return { rule, attackersMax: 0, connectivity: 0, method: "none", statement };
}

function certifyClipping(
  rule: MixingRule,
  graph: Graph,
  factor: number,
  connectivity: number,
): Certificate {
  const exhaustive = graph.size <= EXHAUSTIVE_PEERS_MAX;
  let attackersMax = 0;
  for (let b = 1; b < graph.size - 1; b += 1) {
    const holds = exhaustive
      ? survivesAll(graph, b, factor * b)
      : factor * b <= connectivity - b + TOLERANCE;
    if (!holds) break;
    attackersMax = b;
  }
  const method = exhaustive ? "exhaustive" : "fiedler";
  const how = exhaustive ? "every set of attackers was tried" : "by Fiedler's bound";
  const amount = attackersMax === 0 ? "no attacker" : count(attackersMax, "attacker");
  const statement =
    `${rule} on these ${count(graph.size, "peer")} is certified for ${amount} ` +
    `(μ2 ${connectivity.toFixed(2)}, ${how}).`;
  return { rule, attackersMax, connectivity, method, statement };
}

function certifyCoordinateWise(rule: MixingRule, graph: Graph, connectivity: number): Certificate {
  const degrees = [...graph.values()].map((neighbours) => neighbours.length);
  const least = degrees.reduce((low, degree) => Math.min(low, degree), graph.size);
  if (least === graph.size - 1) {
    const attackersMax = Math.floor((graph.size - 1) / 2);
    const statement =
      `${rule} on ${count(graph.size, "peer")}, all linked, keeps every value within the range of honest ` +
      `values for up to ${count(attackersMax, "attacker")}.`;
    return { rule, attackersMax, connectivity, method: "counting", statement };
  }
  const statement =
    `${rule} is certified on complete graphs only: with up to ${count(Math.floor(least / 2), "attacker")} among a ` +
    "peer's neighbours values stay within the honest range, but peers may stop approaching one another.";
  return { rule, attackersMax: 0, connectivity, method: "none", statement };
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** Whether μ2 stays at or above `least` whichever `size` peers are taken away. */
function survivesAll(graph: Graph, size: number, least: number): boolean {
  const peers = [...graph.keys()];
  const removed = new Set<PeerId>();
  const visit = (from: number): boolean => {
    if (removed.size === size) return algebraicConnectivity(graph, removed) + TOLERANCE >= least;
    for (let i = from; i <= peers.length - (size - removed.size); i += 1) {
      const peer = peers[i] ?? "";
      removed.add(peer);
      const holds = visit(i + 1);
      removed.delete(peer);
      if (!holds) return false;
    }
    return true;
  };
  // Fiedler's bound is cheap and settles complete graphs at once.
  if (algebraicConnectivity(graph, removed) - size + TOLERANCE >= least) return true;
  return visit(0);
}

/** μ2 of the graph without the removed peers; 0 for fewer than two peers. */
export function algebraicConnectivity(graph: Graph, removed: ReadonlySet<PeerId>): number {
  const peers = [...graph.keys()].filter((peer) => !removed.has(peer));
  if (peers.length < 2) return 0;
  const index = new Map(peers.map((peer, i) => [peer, i]));
  const laplacian = peers.map((peer, i) => {
    const row = new Array<number>(peers.length).fill(0);
    for (const neighbour of graph.get(peer) ?? []) {
      const j = index.get(neighbour);
      if (j === undefined) continue;
      row[j] = -1;
      row[i] = (row[i] ?? 0) + 1;
    }
    return row;
  });
  return symmetricEigenvalues(laplacian, [1])[0] ?? 0;
}

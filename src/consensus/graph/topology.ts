import { KlatchError } from "../../errors.ts";
import { exponentialHops } from "./round-graph.ts";

/** Who exchanges with whom. */
export type Topology =
  | { readonly kind: "full" | "ring" | "torus" }
  | { readonly kind: "exponential" | "one-peer-exponential" }
  | { readonly kind: "regular"; readonly degree: number }
  | { readonly kind: "base"; readonly base: number }
  | { readonly kind: "epidemic"; readonly degree: number };

/** What a topology may be called, for people. */
export const TOPOLOGY_FORMS =
  "full, ring, torus, regular:K, exponential, one-peer-exponential, base:B or epidemic:S";

/** The texts that {@link parseTopology} reads. */
export const TOPOLOGY =
  /^(?:(full|ring|torus|exponential|one-peer-exponential)|(regular|epidemic):([1-9][0-9]{0,2})|(base):([2-9]|1[0-6]))$/;

/**
 * Reads the name of a topology.
 *
 * @throws KlatchError `usage` for anything else than {@link TOPOLOGY_FORMS}
 */
export function parseTopology(text: string): Topology {
  const [, plain, sparse, degree, , base] = TOPOLOGY.exec(text) ?? [];
  if (plain !== undefined) return { kind: plain as "full" };
  if (sparse !== undefined) return { kind: sparse as "regular", degree: Number(degree) };
  if (base !== undefined) return { kind: "base", base: Number(base) };
  throw new KlatchError("usage", `No topology is called ${text}.`, `Use ${TOPOLOGY_FORMS}.`);
}

/** The text that `parseTopology` reads. */
export function formatTopology(topology: Topology): string {
  switch (topology.kind) {
    case "regular":
    case "epidemic":
      return `${topology.kind}:${topology.degree}`;
    case "base":
      return `base:${topology.base}`;
    default:
      return topology.kind;
  }
}

/** Whether a peer exchanges with others from one round to the next. */
export function isVarying({ kind }: Topology): boolean {
  return kind === "one-peer-exponential" || kind === "base" || kind === "epidemic";
}

/** Peers to whom each of `count` peers gives its updates in a round, at most. */
export function degreeOf(topology: Topology, count: number): number {
  return Math.max(0, Math.min(count - 1, wantedDegree(topology, count)));
}

// --- internal ---

function wantedDegree(topology: Topology, count: number): number {
  switch (topology.kind) {
    case "full":
      return count - 1;
    case "ring":
      return 2;
    case "torus":
      return 4;
    case "exponential":
      return exponentialHops(count).length;
    case "one-peer-exponential":
      return 1;
    case "base":
      return topology.base - 1;
    default:
      return topology.degree;
  }
}

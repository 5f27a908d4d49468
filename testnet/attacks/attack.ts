import type { PeerPorts } from "../../src/node/peer/ports.ts";
import type { Random } from "../../src/random.ts";
import type { ColumnMap } from "../../src/training/index.ts";
import type { Row } from "../data/rows.ts";

/** What attackers that act together know of a run. */
export interface Collusion {
  readonly members: number;
  readonly attackers: number;
  /**
   * Honest updates of a round, one at least. Where a harness shows them, they are what the honest send (the literature's
   * omniscient attacker); else the attackers' own honest training is the estimate. `own` is what it gave this one.
   */
  updatesOf(round: number, own: Float32Array): Promise<readonly Float32Array[]>;
  /** What the run's rule for common sets makes of updates. */
  mix(updates: readonly Float32Array[]): Float32Array;
}

/** What an attacker has besides its ports. */
export interface Attacker {
  /** Rounds of the run, which everyone knows. */
  readonly rounds: number;
  readonly collusion: Collusion;
  /** A seeded generator for a round. */
  random(round: number): Random;
}

/** Makes a dishonest peer's ports of an honest one's: the node behind them is the same as everyone else's. */
export type Disguise = (ports: PeerPorts, attacker: Attacker) => PeerPorts;

/** Ports as they are: of who lies in its rows alone, or wherever a harness has it lie. */
export const UNDISGUISED: Disguise = (ports) => ports;

/** What attackers know when they make rows of their own. */
export interface RowContext {
  readonly columns: ColumnMap;
  /** The answer that attackers want; null where rows have none. */
  readonly target: string | null;
  /** Which of the attackers it is, from 0. */
  readonly attacker: number;
}

export interface Attack {
  /** What the peer is dishonest about. */
  readonly kind: "value" | "payload" | "data" | "protocol" | "agreement";
  /** What it does, in a line. */
  readonly text: string;
  readonly disguise: Disguise;
  /** The rows that the attacker trains on instead of its own. Throws `usage` where rows have no answers. */
  readonly poison?: (rows: readonly Row[], context: RowContext) => readonly Row[];
}

/** `target` with some of its members replaced; the others stay bound to it. */
export function decorated<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const own = Reflect.get(members, key) as unknown;
      if (own !== undefined) return own;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

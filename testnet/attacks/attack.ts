import type { PeerPorts } from "../../src/node/peer/ports.ts";
import type { Random } from "../../src/random.ts";

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

export interface Attack {
  /** What the peer is dishonest about. */
  readonly kind: "value" | "payload" | "data" | "protocol" | "agreement";
  /** What it does, in a line. */
  readonly text: string;
  readonly disguise: Disguise;
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

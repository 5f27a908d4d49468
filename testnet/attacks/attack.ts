import type { PeerPorts } from "../../src/node/peer/ports.ts";
import type { Random } from "../../src/random.ts";

/** What an attacker has besides its ports. */
export interface Attacker {
  /** Rounds of the run, which everyone knows. */
  readonly rounds: number;
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

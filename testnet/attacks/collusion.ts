import { COMMON_RULES, type CommonRuleName, quorumOf } from "../../src/consensus/index.ts";
import type { Collusion } from "./attack.ts";

/** Rounds that a harness remembers for attackers: peers are never much farther apart. */
const ROUNDS_KEPT = 4;

/** What attackers know of a run with so many members and this rule, of whom they are some. */
export function colluding(
  run: Pick<Collusion, "members" | "attackers"> & { readonly rule: CommonRuleName },
  updatesOf: Collusion["updatesOf"] = async (_, own) => [own],
): Collusion {
  const { members, attackers, rule } = run;
  const { faulty } = quorumOf(members);
  return {
    ...{ members, attackers, updatesOf },
    mix: (updates) =>
      COMMON_RULES[rule]({
        updates,
        shares: updates.map(() => 1 / updates.length),
        attackersMax: Math.min(faulty, (updates.length - 1) >> 1),
      }),
  };
}

/** What a harness shows the attackers in its process: honest updates, as soon as they are trained. */
export class Overview {
  readonly #rounds = new Map<number, Map<number, Float32Array>>();

  /** By the index of its author. */
  note(round: number, index: number, update: Float32Array): void {
    const known = this.#rounds.get(round) ?? new Map<number, Float32Array>();
    this.#rounds.set(round, known.set(index, update));
    const oldest = Math.max(...this.#rounds.keys()) - ROUNDS_KEPT;
    for (const old of this.#rounds.keys()) if (old <= oldest) this.#rounds.delete(old);
  }

  /** What is known of a round by now, in the order of indices; an attacker's own where nothing is. */
  readonly updatesOf: Collusion["updatesOf"] = async (round, own) => {
    const known = [...(this.#rounds.get(round) ?? [])].sort(([a], [b]) => a - b);
    return known.length === 0 ? [own] : known.map(([, update]) => update);
  };
}

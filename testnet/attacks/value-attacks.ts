import type { Random } from "../../src/random.ts";
import { normal } from "../random.ts";
import { type Attack, type Disguise, decorated } from "./attack.ts";

/** What an attacker knows when it decides what to send. */
export interface AttackContext {
  readonly round: number;
  /** Its state before and after honest local training. */
  readonly before: Float32Array;
  readonly trained: Float32Array;
  /** The state that the run started from; in mode agreed the agreed one. */
  readonly reference: Float32Array;
}

/** A dishonest choice of the state to send in place of the trained one. Pure: randomness comes in. */
export type StateAttack = (context: AttackContext, random: Random) => Float32Array;

/** Attacks on the state that is sent. */
export const VALUE_ATTACKS = {
  "sign-flip": value("away from where training leads, four times as far", ({ before, trained }) =>
    along(before, trained, -4),
  ),
  scaled: value("ten times too far", ({ before, trained }) => along(before, trained, 10)),
  gaussian: value("seeded noise, ten times as long as the honest update", noisy),
  stale: value("the state of round 0, for ever", ({ reference }) => reference),
  "free-rider": value(
    "takes, and gives nothing: the state without training",
    ({ before }) => before,
  ),
} as const satisfies Record<string, Attack>;

/** Sends the chosen state in place of the trained one; the attacker's own node goes on with what it trained. */
export function sending(choose: StateAttack): Disguise {
  return (ports, attacker) => {
    const { learner, updates, agreedUpdates } = ports;
    let seen: Pick<AttackContext, "round" | "before"> = { round: 0, before: new Float32Array() };
    let start: Float32Array | null = null;
    return {
      ...ports,
      learner: decorated(learner, {
        train: (request, signal) => {
          // a training that goes on started earlier
          const { round, adapter: before, begun } = request;
          if (begun === undefined) seen = { round, before };
          return learner.train(request, signal);
        },
      }),
      updates: decorated(updates, {
        begin: (initial, kept) => {
          start = initial;
          return updates.begin(initial, kept);
        },
        offer: (memory, trained) => {
          const context = { ...seen, trained, reference: start ?? memory.reference };
          return updates.offer(memory, choose(context, attacker.random(seen.round)));
        },
      }),
      agreedUpdates: decorated(agreedUpdates, {
        offer: (memory, trained, ground) => {
          const context = { ...seen, trained, reference: memory.theta };
          // an honest node cuts an update that is too long: this one does not
          const chosen = choose(context, attacker.random(seen.round));
          return agreedUpdates.offer(memory, chosen, { ...ground, norm: 0 });
        },
      }),
    };
  };
}

// --- internal ---

function value(text: string, choose: StateAttack): Attack {
  return { kind: "value", text, disguise: sending(choose) };
}

function noisy({ before, trained }: AttackContext, random: Random): Float32Array {
  const noise = Float32Array.from(before, () => normal(random));
  const scale = (10 * distance(before, trained)) / norm(noise);
  return before.map((at, index) => at + scale * (noise[index] ?? 0));
}

/** `from + factor * (to - from)`. */
function along(from: Float32Array, to: Float32Array, factor: number): Float32Array {
  return from.map((at, index) => at + factor * ((to[index] ?? 0) - at));
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, at) => sum + at * at, 0));
}

function distance(a: Float32Array, b: Float32Array): number {
  return norm(a.map((at, index) => at - (b[index] ?? 0)));
}

import type { Random } from "../../src/random.ts";
import { type Attack, type Collusion, type Disguise, decorated } from "./attack.ts";

/** What an attacker knows when it decides what to send. */
export interface AttackContext {
  readonly round: number;
  /** Its state before and after honest local training. */
  readonly before: Float32Array;
  readonly trained: Float32Array;
  /** The state that the run started from; in mode agreed the agreed one. */
  readonly reference: Float32Array;
  /** Honest updates of the round as far as the attackers know them, one at least. */
  readonly honest: readonly Float32Array[];
  /** The same of the round before. */
  readonly earlier: readonly Float32Array[];
  /** What its first honest training gave it. */
  readonly first: Float32Array;
  readonly collusion: Omit<Collusion, "updatesOf">;
}

/** A dishonest choice of the state to send in place of the trained one. Pure: randomness comes in. */
export type StateAttack = (context: AttackContext, random: Random) => Float32Array;

/** A dishonest choice of an update; the same for all attackers that know the same. */
export type UpdateAttack = (context: AttackContext) => ArrayLike<number>;

/** An attack on the state that is sent. */
export function value(text: string, choose: StateAttack): Attack {
  return { kind: "value", text, disguise: sending(choose) };
}

/** An attack on the update that is sent. */
export function valueOfUpdate(text: string, choose: UpdateAttack): Attack {
  return value(text, (context) => {
    const update = choose(context);
    return context.before.map((at, index) => at + (update[index] ?? 0));
  });
}

/** Sends the chosen state in place of the trained one; the attacker's own node goes on with what it trained. */
export function sending(choose: StateAttack): Disguise {
  return (ports, attacker) => {
    const { learner, updates, agreedUpdates } = ports;
    const { collusion } = attacker;
    let seen: Pick<AttackContext, "round" | "before" | "honest" | "earlier"> = {
      ...{ round: 0, before: new Float32Array(), honest: [], earlier: [] },
    };
    let first: Float32Array = new Float32Array();
    let start: Float32Array | null = null;
    return {
      ...ports,
      learner: decorated(learner, {
        train: async (request, signal) => {
          // a training that goes on started earlier
          const { round, adapter, begun } = request;
          if (begun === undefined) {
            seen = { round, before: adapter, honest: [], earlier: seen.honest };
          }
          const { before, earlier } = seen;
          const result = await learner.train(request, signal);
          const own = difference(result.adapter, before);
          if (first.length === 0) first = own;
          seen = { round, before, honest: await collusion.updatesOf(round, own), earlier };
          return result;
        },
      }),
      updates: decorated(updates, {
        begin: (initial, kept) => {
          start = initial;
          return updates.begin(initial, kept);
        },
        offer: (memory, trained) => {
          const context = {
            ...seen,
            first,
            trained,
            reference: start ?? memory.reference,
            collusion,
          };
          return updates.offer(memory, choose(context, attacker.random(seen.round)));
        },
      }),
      agreedUpdates: decorated(agreedUpdates, {
        offer: (memory, trained, ground) => {
          const context = { ...seen, first, trained, reference: memory.theta, collusion };
          // an honest node cuts an update that is too long: this one does not
          const chosen = choose(context, attacker.random(seen.round));
          return agreedUpdates.offer(memory, chosen, { ...ground, norm: 0 });
        },
      }),
    };
  };
}

// --- internal ---

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((at, index) => at - (b[index] ?? 0));
}

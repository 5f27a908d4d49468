import { mean, sum } from "../../src/node/view/quantities.ts";
import { gateConfigSchema, judgeGate } from "../../src/reputation/index.ts";
import type { Learner } from "../../src/training/index.ts";
import { dot, norm } from "../../testnet/attacks/statistics.ts";
import { ATTACKERS, type Snapshot } from "./snapshots.ts";

interface Ground {
  readonly learner: Learner;
  readonly round: number;
  readonly theta: Float32Array;
}

/** A way to judge: what each update gains on a peer's own rows, as a share of the loss; of angles, of the loss by length. */
export type Judge = (
  ground: Ground,
  updates: readonly Float32Array[],
) => Promise<readonly number[]>;

/** How a judge does on an attack, means over honest peers. */
export interface Standing {
  /** Probability that an attacker's update looks worse than an honest one; 0.5 is chance. */
  readonly area: number;
  /** Share of the attackers' updates that the gate vetoes by it, and of the honest ones. */
  readonly caught: number;
  readonly wrong: number;
}

const { rows, step } = gateConfigSchema.parse({});

export const JUDGES: Readonly<Record<string, Judge>> = {
  step: async ({ learner, round, theta }, updates) => {
    const states = updates.map((update) => theta.map((at, i) => at + (update[i] as number)));
    const { base, stepped } = await learner.probe(theta, states, { round, rows, step });
    return stepped.map((loss) => (Number.isFinite(loss) ? (base - loss) / base : -Infinity));
  },
  gradient: byLayer((harms) => sum(harms)),
  angles: byLayer((harms, norms) => sum(harms.map((harm, l) => harm / (norms[l] || 1)))),
};

/** Of each attack in a round, how one judge does. */
export async function standingsOf(
  judge: Judge,
  { honest, theta, round, attacks }: Snapshot,
): Promise<readonly Standing[]> {
  const own = honest.map(({ update }) => update);
  const all = [...own, ...attacks.flatMap(({ updates }) => updates)];
  const byPeer: Standing[][] = [];
  for (const { learner } of honest) {
    const gains = await judge({ learner, round, theta }, all);
    const good = gains.slice(0, own.length);
    const bad = (attack: number) =>
      gains.slice(own.length + attack * ATTACKERS).slice(0, ATTACKERS);
    byPeer.push(attacks.map((_, attack) => standingOf(good, bad(attack))));
  }
  return attacks.map((_, attack) => meanOf(byPeer.map((each) => each[attack] as Standing)));
}

/** Component by component. */
export function meanOf(all: readonly Standing[]): Standing {
  const of = (component: keyof Standing) => mean(all.map((each) => each[component])) ?? Number.NaN;
  return { area: of("area"), caught: of("caught"), wrong: of("wrong") };
}

// --- internal ---

/** Judges by how much the loss rises in each layer along an update, to first order, and by how long the update is there. */
function byLayer(harmOf: (harms: readonly number[], norms: readonly number[]) => number): Judge {
  return async ({ learner, round, theta }, updates) => {
    const { base, gradient } = await learner.slope(theta, { round, rows });
    const bounds = learner.info.layout.tensors.map(({ offset, shape }) => {
      const size = shape.reduce((product, each) => product * each, 1);
      return [offset, offset + size] as const;
    });
    return updates.map((update) => {
      const harms = bounds.map((bound) =>
        dot(gradient.subarray(...bound), update.subarray(...bound)),
      );
      const norms = bounds.map((bound) => norm(update.subarray(...bound)));
      return (-step * harmOf(harms, norms)) / base;
    });
  };
}

function standingOf(good: readonly number[], bad: readonly number[]): Standing {
  const gains = [...good, ...bad];
  const { vetoed } = judgeGate({
    ...{ base: 1, stepped: gains.map((gain) => 1 - gain) },
    ...{ peers: gains.map((_, at) => String(at)), vetoesMax: VETOES_MAX },
  });
  const caught = vetoed.filter((at) => Number(at) >= good.length).length;
  return {
    area: areaOf(good, bad),
    caught: caught / bad.length,
    wrong: (vetoed.length - caught) / good.length,
  };
}

/** As many as may lie among ten. */
const VETOES_MAX = 3;

/** Probability that one of the bad is below one of the good; ties count half. */
function areaOf(good: readonly number[], bad: readonly number[]): number {
  const wins = bad.flatMap((b) => good.map((g) => (b < g ? 1 : b === g ? 0.5 : 0)));
  return sum(wins) / wins.length;
}

import { medianOf } from "../../src/consensus/index.ts";
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

/**
 * A way to judge: what each update gains on a peer's own rows, as a share of the loss; of angles, of the loss by length.
 * One list, or several that an update has to pass all.
 */
export type Judge = (
  ground: Ground,
  updates: readonly Float32Array[],
) => Promise<readonly (readonly number[])[]>;

/** How a judge does on an attack, means over honest peers. */
export interface Standing {
  /** Probability that an attacker's update looks worse than an honest one; 0.5 is chance. */
  readonly area: number;
  /** Share of the attackers' updates that the gate vetoes by it, and of the honest ones. */
  readonly caught: number;
  readonly wrong: number;
}

const { step } = gateConfigSchema.parse({});

/** The ways to judge by so many rows. */
export function judgesOf(rows: number) {
  const gradient = byLayer(rows, (harms) => sum(harms));
  const angles = byLayer(rows, (harms, norms) =>
    sum(harms.map((harm, l) => harm / (norms[l] || 1))),
  );
  const stepped: Judge = async ({ learner, round, theta }, updates) => {
    const states = updates.map((update) => theta.map((at, i) => at + (update[i] as number)));
    const { base, stepped } = await learner.probe(theta, states, { round, rows, step });
    return [stepped.map((loss) => (Number.isFinite(loss) ? (base - loss) / base : -Infinity))];
  };
  const both: Judge = async (ground, updates) => [
    ...(await stepped(ground, updates)),
    ...(await angles(ground, updates)),
  ];
  return { step: stepped, gradient, angles, both } satisfies Record<string, Judge>;
}

/** Of each attack in a round, how one judge does. */
export async function standingsOf(
  judge: Judge,
  { honest, theta, round, attacks }: Snapshot,
): Promise<readonly Standing[]> {
  const own = honest.map(({ update }) => update);
  const all = [...own, ...attacks.flatMap(({ updates }) => updates)];
  const byPeer: Standing[][] = [];
  for (const { learner } of honest) {
    const lists = await judge({ learner, round, theta }, all);
    const bad = (attack: number) => own.length + attack * ATTACKERS;
    const seen = (attack: number) =>
      lists.map((gains) => ({
        good: gains.slice(0, own.length),
        bad: gains.slice(bad(attack), bad(attack) + ATTACKERS),
      }));
    byPeer.push(attacks.map((_, attack) => standingOf(seen(attack))));
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
function byLayer(
  rows: number,
  harmOf: (harms: readonly number[], norms: readonly number[]) => number,
): Judge {
  return async ({ learner, round, theta }, updates) => {
    const { base, gradient } = await learner.slope(theta, { round, rows });
    const bounds = learner.info.layout.tensors.map(({ offset, shape }) => {
      const size = shape.reduce((product, each) => product * each, 1);
      return [offset, offset + size] as const;
    });
    const gains = updates.map((update) => {
      const harms = bounds.map((bound) =>
        dot(gradient.subarray(...bound), update.subarray(...bound)),
      );
      const norms = bounds.map((bound) => norm(update.subarray(...bound)));
      return (-step * harmOf(harms, norms)) / base;
    });
    return [gains];
  };
}

interface Seen {
  readonly good: readonly number[];
  readonly bad: readonly number[];
}

/** Of several lists an update counts by the one in which it is worst, in deviations from what is usual there. */
function standingOf(lists: readonly Seen[]): Standing {
  const [{ good, bad }] = lists as readonly [Seen, ...Seen[]];
  const vetoed = new Set(lists.flatMap(vetoedIn));
  const caught = [...vetoed].filter((at) => at >= good.length).length;
  const scores = lists.map(deviations);
  const worst = [...good, ...bad].map((_, at) => Math.min(...scores.map((each) => each[at] ?? 0)));
  return {
    area: areaOf(worst.slice(0, good.length), worst.slice(good.length)),
    caught: caught / bad.length,
    wrong: (vetoed.size - caught) / good.length,
  };
}

/** Which the gate vetoes, the bad after the good. */
function vetoedIn({ good, bad }: Seen): readonly number[] {
  const gains = [...good, ...bad];
  const { vetoed } = judgeGate({
    ...{ base: 1, stepped: gains.map((gain) => 1 - gain) },
    ...{ peers: gains.map((_, at) => String(at)), vetoesMax: VETOES_MAX },
  });
  return vetoed.map(Number);
}

/** How many median absolute deviations each gain lies above the median. */
function deviations({ good, bad }: Seen): readonly number[] {
  const gains = [...good, ...bad];
  const centre = medianOf(gains);
  const scale = medianOf(gains.map((gain) => Math.abs(gain - centre))) || Number.MIN_VALUE;
  return gains.map((gain) => (gain - centre) / scale);
}

/** As many as may lie among ten. */
const VETOES_MAX = 3;

/** Probability that one of the bad is below one of the good; ties count half. */
function areaOf(good: readonly number[], bad: readonly number[]): number {
  const wins = bad.flatMap((b) => good.map((g) => (b < g ? 1 : b === g ? 0.5 : 0)));
  return sum(wins) / wins.length;
}

import type { Random } from "../../src/random.ts";
import { deviationOf, meanOf, medianNorm } from "../../testnet/attacks/statistics.ts";
import { normal } from "../../testnet/random.ts";

/** What an attacker knows that sees everything: the honest updates of the round, and where they should lead. */
export interface Knowledge {
  readonly honest: readonly Float32Array[];
  /** From the state of the round to the point that the federation should find. */
  readonly wanted: Float32Array;
  readonly attackers: number;
  readonly random: Random;
  /** Whether an update alone would pass the gate of most honest members. */
  passesGate(update: Float32Array): boolean;
}

type Vector = readonly number[];

/** Updates of the attackers: one for all of them, or one each. They know what no real attacker is told: goal and gate. */
export const KNOWING_ATTACKS = {
  /** Away from the goal, as long as honest updates. */
  ascent: ({ honest, wanted }) => [scaled(-medianNorm(honest) / norm([...wanted]), [...wanted])],
  cosines,
} as const satisfies Record<string, (knowledge: Knowledge) => readonly Vector[]>;

// --- internal ---

/**
 * Knows `check`: as unlike the others as it allows, a common harmful direction shrunk until the gate passes it, the
 * rest noise of each attacker's own, so that they are no twins.
 */
function cosines(knowledge: Knowledge): readonly Vector[] {
  const { honest, wanted, attackers, random } = knowledge;
  const rows = honest.map((update) => [...update]);
  const [mean, size] = [[...meanOf(honest)], medianNorm(honest)];
  const along = unit(mean);
  const left = rejected(sum([...wanted], scaled(-1, mean)), [along]);
  const against = scaled(-1, unit(left));
  const { lowest, highest } = cosineRange(rows);
  const alpha = Math.max(-size / 2, Math.min((lowest * size * size) / norm(mean), norm(mean)));
  const beta = Math.sqrt(Math.max(0, highest * size * size - alpha * alpha));
  return Array.from({ length: attackers }, () => {
    const noise = unit(rejected(noiseLike([...deviationOf(honest)], random), [along, against]));
    for (let part = beta; ; part *= 0.75) {
      const rest = Math.sqrt(Math.max(0, size * size - alpha * alpha - part * part));
      const update = sum(sum(scaled(alpha, along), scaled(part, against)), scaled(rest, noise));
      if (part <= beta / 10 || knowledge.passesGate(Float32Array.from(update))) return update;
    }
  });
}

function noiseLike(deviation: Vector, random: Random): Vector {
  return deviation.map((at) => at * normal(random));
}

/** The median cosine that `check` lets pass, and the likeness below which there are no twins. */
function cosineRange(rows: readonly Vector[]): {
  readonly lowest: number;
  readonly highest: number;
} {
  const units = rows.map(unit);
  const cosines = units.map((a, i) => units.filter((_, j) => j !== i).map((b) => dot(a, b)));
  const middles = cosines.map(median);
  const middle = median(middles);
  const deviation = median(middles.map((value) => Math.abs(value - middle)));
  return {
    lowest: middle - 0.8 * Math.min(0.1, Math.max(0.04, 6 * deviation)),
    highest: median(cosines.map((row) => Math.max(...row))) + 0.04,
  };
}

function rejected(vector: Vector, units: readonly Vector[]): Vector {
  return units.reduce((rest, each) => sum(rest, scaled(-dot(rest, each), each)), vector);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[half] ?? 0)
    : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

const sum = (a: Vector, b: Vector): Vector => a.map((at, k) => at + (b[k] ?? 0));
const scaled = (factor: number, vector: Vector): Vector => vector.map((at) => factor * at);
const dot = (a: Vector, b: Vector): number => a.reduce((all, at, k) => all + at * (b[k] ?? 0), 0);
const norm = (vector: Vector): number => Math.sqrt(dot(vector, vector));
const unit = (vector: Vector): Vector => scaled(1 / Math.max(norm(vector), 1e-30), vector);

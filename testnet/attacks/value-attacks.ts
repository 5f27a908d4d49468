import type { Random } from "../../src/random.ts";
import { normal } from "../random.ts";
import type { Attack } from "./attack.ts";
import { type AttackContext, value } from "./sending.ts";

/** Attacks on the state that is sent, which need no more than the attacker's own training. */
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

/** `from + factor * (to - from)`. */
export function along(from: Float32Array, to: Float32Array, factor: number): Float32Array {
  return from.map((at, index) => at + factor * ((to[index] ?? 0) - at));
}

// --- internal ---

function noisy({ before, trained }: AttackContext, random: Random): Float32Array {
  const noise = Float32Array.from(before, () => normal(random));
  const scale = (10 * distance(before, trained)) / norm(noise);
  return before.map((at, index) => at + scale * (noise[index] ?? 0));
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, at) => sum + at * at, 0));
}

function distance(a: Float32Array, b: Float32Array): number {
  return norm(a.map((at, index) => at - (b[index] ?? 0)));
}

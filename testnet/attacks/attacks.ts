import { KlatchError } from "../../src/errors.ts";
import type { Random } from "../../src/random.ts";
import type { ColumnMap } from "../../src/training/index.ts";
import { completionOf, withCompletion } from "../data/completion.ts";
import type { Row } from "../data/rows.ts";
import { normal } from "../random.ts";

/** What an attacker knows when it decides what to send. */
export interface AttackContext {
  readonly round: number;
  /** Its state before and after honest local training. */
  readonly before: Float32Array;
  readonly trained: Float32Array;
  /** The seeded state that the run started from. */
  readonly initial: Float32Array;
}

/** Encodes a state as honest peers do, and spoils the bytes so that they decode to NaN. */
export type SpoiledPayload = (context: AttackContext) => Uint8Array;

/** A dishonest choice of the state to send in place of the trained one. Pure: randomness comes in. */
type StateAttack = (context: AttackContext, random: Random) => Float32Array;

/** Attacks on the state that is sent. */
const STATE_ATTACKS = {
  /** Away from where training leads, four times as far. */
  "sign-flip": ({ before, trained }) => along(before, trained, -4),
  /** Ten times too far. */
  scaled: ({ before, trained }) => along(before, trained, 10),
  /** Seeded noise, ten times as long as the honest update. */
  gaussian: ({ before, trained }, random) => {
    const noise = Float32Array.from(before, () => normal(random));
    const scale = (10 * distance(before, trained)) / norm(noise);
    return before.map((value, index) => value + scale * (noise[index] ?? 0));
  },
  /** The state of round 0, for ever. */
  stale: ({ initial }) => initial,
  /** Takes, and gives nothing: the state without training. */
  "free-rider": ({ before }) => before,
} as const satisfies Record<string, StateAttack>;

/** Every attack that `--attack` knows: on the state, on the bytes (`nan`), or on the data (`label-flip`). */
export const ATTACK_NAMES = [
  "sign-flip",
  "scaled",
  "gaussian",
  "nan",
  "stale",
  "free-rider",
  "label-flip",
] as const;
export type AttackName = (typeof ATTACK_NAMES)[number];

/**
 * What an attacker's node sends in a round; null: what it trained. An attack on the data (`label-flip`) has done its work
 * before the node started.
 */
export function attackOffer(
  attack: AttackName,
  context: AttackContext,
  by: { readonly random: Random; readonly spoil: SpoiledPayload },
): Float32Array | Uint8Array | null {
  if (attack === "nan") return by.spoil(context);
  if (attack === "label-flip") return null;
  return STATE_ATTACKS[attack](context, by.random);
}

/**
 * Rows in which every completion is replaced by the next one in alphabetical order (the last by the first): a consistent
 * lie. Throws `usage` where rows have no completions.
 */
export function flipLabels(rows: readonly Row[], columns: ColumnMap): Row[] {
  const completions = rows.map((row) => {
    const completion = completionOf(row, columns);
    if (completion !== null) return completion;
    throw new KlatchError(
      "usage",
      "--attack label-flip needs rows with completions",
      "Choose another attack for plain text, or name the column with --columns completion=NAME.",
    );
  });
  const distinct = [...new Set(completions)].sort();
  const next = new Map(
    distinct.map((text, index) => [text, distinct[(index + 1) % distinct.length] ?? text]),
  );
  return rows.map((row, index) => {
    const completion = completions[index] ?? "";
    return withCompletion(row, next.get(completion) ?? completion, columns);
  });
}

/** `from + factor * (to - from)`. */
function along(from: Float32Array, to: Float32Array, factor: number): Float32Array {
  return from.map((value, index) => value + factor * ((to[index] ?? 0) - value));
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function distance(a: Float32Array, b: Float32Array): number {
  return norm(a.map((value, index) => value - (b[index] ?? 0)));
}

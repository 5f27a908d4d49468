import { createRandom, normal } from "../random.ts";
import type { Attack } from "./attack.ts";
import { value, valueOfUpdate } from "./sending.ts";
import { deviationOf, dot, meanOf, medianNorm, norm, plus, type Row } from "./statistics.ts";
import { along } from "./value-attacks.ts";

/** Deviations that a slow drift goes farther every round. */
const DRIFT = 0.1;
/** Rounds in which a time-coupled attacker is honest, and those in which it attacks. */
const [HONEST_ROUNDS, ATTACK_ROUNDS] = [10, 5];

/** Attacks over many rounds: each update by itself looks bearable, or most of them do. */
export const DRIFT_ATTACKS = {
  /**
   * A direction without any part in the mean, the same one for ever: what a memory of rounds adds up (after "Byzantines
   * can also learn from history", Özfatura et al. 2022, arXiv 2208.09894).
   */
  "orthogonal-drift": valueOfUpdate(
    "the mean, and one lasting direction at right angles to it as long as an honest update",
    ({ honest }) => {
      const mean = meanOf(honest);
      const across = rejected(lastingDirection(mean.length), mean);
      return plus(mean, medianNorm(honest) / Math.max(norm(across), 1e-30), across);
    },
  ),
  /** A frog in water: begins inside the cloud, and nothing is sudden. */
  "slow-drift": valueOfUpdate(
    "the mean, every round a tenth of a deviation farther against it",
    ({ honest, round }) => {
      const mean = meanOf(honest);
      const way = deviationOf(honest, mean).map((each, k) => each * Math.sign(mean[k] ?? 0));
      return plus(mean, -DRIFT * (round + 1), way);
    },
  ),
  /** Earns trust and spends it (the on-off attack on reputations). */
  "time-coupled": value(
    "honest for ten rounds, turned round for five, and so on",
    ({ round, before, trained }) => {
      const isHonest = round % (HONEST_ROUNDS + ATTACK_ROUNDS) < HONEST_ROUNDS;
      return isHonest ? trained : along(before, trained, -4);
    },
  ),
} as const satisfies Record<string, Attack>;

// --- internal ---

/** What attackers agreed on before the run. */
function lastingDirection(length: number): Float64Array {
  const random = createRandom(0, "lasting direction");
  return Float64Array.from({ length }, () => normal(random));
}

function rejected(row: Row, from: Row): Float64Array {
  return plus(row, -dot(row, from) / Math.max(dot(from, from), 1e-30), from);
}

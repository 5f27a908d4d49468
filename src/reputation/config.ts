import * as z from "zod";

const count = (fallback: number, min: number, max: number, text: string) =>
  z.int().min(min).max(max).default(fallback).describe(text);
const amount = (fallback: number, min: number, max: number, text: string) =>
  z.number().min(min).max(max).default(fallback).describe(text);

/**
 * Every constant of the ledger. The defaults were chosen together: a veto in each round isolates a newcomer in its third round
 * and a peer of long good conduct in its fifth; one veto in three rounds or fewer only reduces; absence only reduces.
 */
export const reputationConfigSchema = z.strictObject({
  forgetting: amount(0.95, 0, 1, "What is left of old evidence after each round."),
  streakMax: count(
    4,
    1,
    20,
    "The n-th round in a row with a fault of conduct weighs n times, up to this many: what is consistent is no accident.",
  ),
  absenceMax: amount(
    4,
    0,
    100,
    "Most that absence can weigh, so that a peer returning after an outage soon counts again.",
  ),
  fullScoreMin: amount(0.5, 0, 1, "Least score of full standing."),
  isolationScoreMax: amount(
    0.3,
    0,
    1,
    "A peer is isolated when its score for conduct, absence left out, is below this …",
  ),
  isolationUncertaintyMax: amount(
    0.2,
    0.01,
    1,
    "… and the uncertainty 2 / (evidence + 2) is below this: never on the first impression.",
  ),
  isolationRounds: count(
    20,
    1,
    1_000_000,
    "Rounds of the first isolation; each further one lasts twice as long.",
  ),
  peersMax: count(1024, 1, 100_000, "Peers remembered; the least informative entry makes room."),
});

/** Constants of the ledger, with every default filled in. */
export type ReputationConfig = z.infer<typeof reputationConfigSchema>;

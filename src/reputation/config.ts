import * as z from "zod";
import { GATE_DEFAULTS } from "./gate.ts";

const count = (fallback: number, min: number, max: number, text: string) =>
  z.int().min(min).max(max).default(fallback).describe(text);
const amount = (fallback: number, min: number, max: number, text: string) =>
  z.number().min(min).max(max).default(fallback).describe(text);

/**
 * Section `reputation` of the configuration: every constant of the ledger. The defaults were chosen together. Vetoes
 * reduce at once; one in each round isolates a newcomer in its sixth round and a peer of long good conduct in its
 * twelfth, one in three rounds or fewer never. Absence only reduces.
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
  opinionErrorMax: amount(
    0.01,
    0,
    0.5,
    "A peer is also isolated by vetoes alone, when they are too many for chance: an honest peer ever, in the whole run, with this probability at most. 0: never.",
  ),
  honestVetoRate: amount(
    0.3,
    0.001,
    0.45,
    "… as long as at most this share of an honest peer's updates is vetoed. On average it is one in fifty, of a peer with data unlike one's own up to a half.",
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

/**
 * Section `gate` of the configuration, the private held-out gate: Mozi's loss test with a margin and a cap on vetoes.
 */
export const gateConfigSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("Judge every update on private held-out examples before it is mixed."),
  rows: z
    .union([z.literal("auto"), z.int().min(1).max(4096)], "expected auto, or 1 to 4096")
    .default("auto")
    .describe(
      "Held-out examples drawn for each round; auto takes 6 to 32, as many as leave judging a tenth of what training costs.",
    ),
  step: z
    .number()
    .positive()
    .max(1)
    .default(0.5)
    .describe("How far towards an update the loss is probed, as a share of the way."),
  marginMin: z
    .number()
    .min(0)
    .max(10)
    .default(GATE_DEFAULTS.marginMin)
    .describe("Least distance below the median gain for a veto, as a share of the loss."),
  madFactor: z
    .number()
    .min(0)
    .max(100)
    .default(GATE_DEFAULTS.madFactor)
    .describe("The distance is also at least this many median absolute deviations of the gains."),
  medianFactor: z
    .number()
    .min(0)
    .max(100)
    .default(GATE_DEFAULTS.medianFactor)
    .describe("And at least this share of the median gain itself."),
  ruinFactor: z
    .number()
    .min(1)
    .max(1000)
    .default(2)
    .describe("A mix that makes the held-out loss worse than this many times is not taken."),
});

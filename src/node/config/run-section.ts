import { z } from "zod";
import { consensusTerms } from "../../consensus/index.ts";
import { trainingTerms } from "../../training/index.ts";
import { bytesField } from "../budget/units.ts";

/** libp2p peer id in base58btc text form. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{46,60}$/;

type LeafKey = keyof typeof trainingTerms | keyof typeof consensusTerms;

/** Each key by its owner, in the order of the template; a leaf's key that is missing here does not compile. */
const terms = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "expected letters, digits, . _ - (at most 64)")
    .default("run")
    .describe("Name of the run, for people."),
  task: trainingTerms.task,
  classes: trainingTerms.classes,
  rounds: consensusTerms.rounds,
  start: consensusTerms.start,
  steps: trainingTerms.steps,
  checkpointSteps: trainingTerms.checkpointSteps,
  batchSize: trainingTerms.batchSize,
  sequenceMax: trainingTerms.sequenceMax,
  separator: trainingTerms.separator,
  seed: trainingTerms.seed,
  mode: consensusTerms.mode,
  rule: consensusTerms.rule,
  agreedRule: consensusTerms.agreedRule,
  outer: consensusTerms.outer,
  rankMin: consensusTerms.rankMin,
  attackersMax: consensusTerms.attackersMax,
  factors: trainingTerms.factors,
  adapter: trainingTerms.adapter,
  optimizer: trainingTerms.optimizer,
  topology: consensusTerms.topology,
  bytesPerRound: bytesField
    .nullable()
    .default(null)
    .describe(
      "Bytes that a member may send in a round, such as 64KiB: they choose codec and rank where those are auto; null for any number.",
    ),
  codec: consensusTerms.codec,
  feedback: consensusTerms.feedback,
  warmUp: consensusTerms.warmUp,
  members: z
    .array(z.string().regex(PEER_ID, "expected a libp2p peer id such as 12D3KooW…"))
    .max(1000)
    .refine((ids) => new Set(ids).size === ids.length, "a peer id is listed twice")
    .default([])
    .describe("Peer ids of all members, this node's own among them; the same list on every peer."),
  roster: consensusTerms.roster,
} satisfies Record<"name" | "bytesPerRound" | LeafKey | "members", z.ZodType>;

/** What all peers of a run must have alike: its digest, with the model's, is the run id. */
export const runSection = z.strictObject(terms);

import { z } from "zod";
import { EVIDENCE_KINDS, PHASES, RUN_MODES } from "../../types.ts";
import { peerStatusSchema } from "./peer-schemas.ts";

/**
 * What a node writes down and answers, as whoever reads it back checks it: the ledger on disk and the status endpoint.
 * Fields that this version does not know pass through.
 */
const count = z.number().min(0);
export const NODE_STATES = [
  ...(["joining", "running", "alone", "finished"] as const),
  ...(["stopping", "stopped"] as const),
] as const;
/** JSON has no infinity and no NaN: a loss that was none comes back as null. */
const measured = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const evaluationSchema = z.looseObject({
  loss: measured,
  perplexity: measured,
  exactMatch: z.number(),
  macroF1: z.number().exactOptional(),
  tokens: count,
  examples: count,
});

export const evidenceSchema = z.looseObject({
  peer: z.string(),
  round: count,
  kind: z.enum(EVIDENCE_KINDS),
  at: z.number(),
  detail: z.string().exactOptional(),
});

/** What members of a run in mode `agreed` have decided about it: its rounds, and steps a round from one on. */
const decidedSchema = z.looseObject({ rounds: count, steps: count, from: count }).nullable();

/** When a phase of a round began. */
const phaseSchema = z.looseObject({ phase: z.enum(PHASES), at: z.number() });

export const roundRecordSchema = z.looseObject({
  round: count,
  startedAt: z.number(),
  endedAt: z.number(),
  trainLoss: measured,
  heldOutLoss: z.number().nullable(),
  announced: z.array(z.string()),
  mixed: z.array(z.looseObject({ peer: z.string(), share: z.number() })),
  refused: z.array(z.looseObject({ peer: z.string(), reason: z.string() })),
  bytesSent: count,
  bytesReceived: count,
  phases: z
    .array(phaseSchema)
    .exactOptional()
    .describe("Its phases in order; absent in records of earlier versions."),
  /** How the round was agreed on, in mode `agreed`. */
  agreed: z
    .looseObject({
      block: z.string().describe("Digest of its block."),
      view: count.describe(
        "The view that made it final, counted from 0: so many were lost before it.",
      ),
      ballots: count.describe("Ballots in the block."),
      cut: count.describe("Members whose updates count."),
      share: z.number().describe("Of this node's own update; 0 where that does not count."),
      blockBytes: count,
      certificateBytes: count,
      certificateMs: z
        .number()
        .nullable()
        .describe(
          "From a quorum of ballots to the certificate; null where the block came from others.",
        ),
      joined: z
        .array(z.string())
        .exactOptional()
        .describe("Members from the next round on that were none."),
      left: z.array(z.string()).exactOptional().describe("The other way round."),
      evicted: z.array(z.string()).exactOptional().describe("Whom evidence put out."),
      decided: decidedSchema
        .exactOptional()
        .describe("What the members decided about the run by this block; where they did."),
      rolledBack: z
        .looseObject({ without: z.string(), to: count })
        .exactOptional()
        .describe(
          "Whose updates after which round do not count any more; where the members decided so by this block.",
        ),
    })
    .exactOptional(),
});

export const runResultSchema = z.looseObject({
  rounds: count,
  evaluation: evaluationSchema.nullable(),
});

const summary = z.looseObject({
  examples: count,
  tokens: count,
  truncated: count,
  cut: z.looseObject({ kept: count, lost: count, isLeast: z.boolean() }).exactOptional(),
  skipped: count,
  duplicates: count,
  notes: z.array(z.string()),
});

/** What there is to tell of the height that is open in mode `agreed`. */
const agreedStatusSchema = z.looseObject({
  member: z
    .boolean()
    .exactOptional()
    .describe("Whether this node is a member; one that is none looks on. Absent: it is."),
  changes: count.exactOptional().describe("Changes of the members that wait here for a block."),
  contradicted: z
    .array(z.string())
    .exactOptional()
    .describe("Members that have contradicted themselves."),
  /** Why the node signs nothing: it asks, or says nothing until a round is final, by what its disk lacks. Absent: it does. */
  silence: z
    .looseObject({
      answers: count,
      needed: count,
      until: count.nullable(),
      lack: z.string().nullable(),
    })
    .exactOptional(),
  decided: decidedSchema
    .exactOptional()
    .describe("What the members have decided about the run; where they have."),
  view: count.describe("Counted from 0: so many were lost before it."),
  proposer: z.string().nullable(),
  ballots: count.describe("Of the round; a quorum is needed."),
  votes: count.describe("Of the view; a quorum is needed."),
  quorum: count,
  blocks: count.describe("Final blocks."),
  head: z.string().describe("Digest of the newest; the run id before the first."),
  headAt: z.number().nullable().describe("When it was kept."),
});

/** What a round costs in bytes as it is coded, and as it could be. */
export const roundCostsSchema = z.looseObject({
  budget: count.nullable().describe("`run.bytesPerRound`; null where it is not said."),
  link: count.nullable().describe("`network.link` in bits a second; null where it is not said."),
  /** From most bytes to fewest. */
  ways: z.array(
    z.looseObject({
      codec: z.string(),
      rank: count,
      loss: z
        .number()
        .nullable()
        .describe("Test loss as times that of int8, where it was measured."),
      payload: count.describe("Of one payload."),
      sent: count.describe("All that a member sends in a round."),
      received: count,
      overhead: count.describe("What of either is no payload."),
      seconds: count.nullable().describe("On the link; null where that is not known."),
      isChosen: z.boolean(),
    }),
  ),
});

export const nodeStatusSchema = z.looseObject({
  version: z.string(),
  peerId: z.string(),
  run: z.string(),
  addresses: z.array(z.string()),
  startedAt: z.number(),
  /**
   * `joining` has met nobody yet, `alone` has lost everybody that it was with. `stopped` is told by a node's folder: no
   * node answers so.
   */
  state: z.enum(NODE_STATES),
  phase: z.enum(PHASES),
  phases: z
    .array(phaseSchema)
    .exactOptional()
    .describe("The phases of the round so far; absent in answers of earlier versions."),
  round: count,
  roundsDone: count
    .exactOptional()
    .describe("Rounds that are over; absent in answers of earlier versions."),
  rounds: count,
  mixedRounds: count.default(0).describe("Rounds that mixed something of others."),
  soloRounds: count.default(0).describe("Rounds that nobody else had a part in."),
  waitingFor: z.array(z.string()),
  deadline: z.number().nullable(),
  trainLoss: z.number().nullable(),
  heldOutLoss: z.number().nullable(),
  evaluation: evaluationSchema.nullable(),
  mode: z.enum(RUN_MODES).default("gossip"),
  agreed: agreedStatusSchema.nullable().default(null).describe("Null in mode `gossip`."),
  adapter: z
    .string()
    .nullable()
    .default(null)
    .describe("Digest of the adapter's state; null in answers of earlier versions."),
  rule: z.string(),
  attackersMax: count,
  certifiedAttackers: count,
  model: z.looseObject({
    digest: z.string(),
    origin: z.looseObject({ id: z.string(), revision: z.string(), commit: z.string() }).nullable(),
  }),
  data: z.looseObject({
    train: summary,
    heldOut: summary,
    test: summary,
    testSeenInTraining: count,
    limit: z.looseObject({ tokens: count, isContext: z.boolean() }).optional(),
  }),
  bytesSent: count,
  bytesReceived: count,
  costs: roundCostsSchema.exactOptional().describe("Absent in answers of earlier versions."),
  peers: z.array(peerStatusSchema),
  strangers: z
    .array(z.string())
    .default([])
    .describe("Who knocked and is no member, the last ones."),
  refusals: z.record(z.string(), count),
});

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** The terms of a run; what is not known is kept, since the run id covers it. */
export const runTermsSchema = z.looseObject({
  protocol: count,
  model: digest,
  tokenizer: digest,
  layout: digest,
  init: digest.exactOptional(),
  run: z.record(z.string(), z.unknown()),
});

/** What a run was: kept in the node's folder, so that its results can be read and exported when no node runs. */
export const runRecordSchema = z.looseObject({
  savedAt: z.number(),
  classes: z
    .array(z.string())
    .nullable()
    .describe("What a classifier tells apart; null for other tasks."),
  /** The keys of the configuration that decide how the adapter is read and used. */
  settings: z.looseObject({
    model: z.string(),
    run: z.looseObject({ name: z.string() }),
    data: z.looseObject({ train: z.array(z.string()) }),
  }),
  terms: runTermsSchema
    .exactOptional()
    .describe("What the run id is the digest of; absent in runs of earlier versions."),
  layout: z
    .array(z.string())
    .exactOptional()
    .describe("What the digest of the adapter's layout is of; absent in runs of earlier versions."),
  status: nodeStatusSchema,
});

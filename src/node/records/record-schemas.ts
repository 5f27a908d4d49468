import { z } from "zod";
import { EVIDENCE_KINDS, RUN_MODES, STANDINGS } from "../../types.ts";

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
  /** How the round was agreed on, in mode `agreed`. */
  agreed: z
    .looseObject({
      /** Digest of its block. */
      block: z.string(),
      /** The view that made it final, counted from 0: so many were lost before it. */
      view: count,
      /** Ballots in the block, and members whose updates count. */
      ballots: count,
      cut: count,
      /** Of this node's own update; 0 where that does not count. */
      share: z.number(),
      blockBytes: count,
      certificateBytes: count,
      /** From a quorum of ballots to the certificate; null where the block came from others. */
      certificateMs: z.number().nullable(),
      /** Members from the next round on that were none, the other way round, and whom evidence put out; where there are. */
      joined: z.array(z.string()).exactOptional(),
      left: z.array(z.string()).exactOptional(),
      evicted: z.array(z.string()).exactOptional(),
      /** What the members decided about the run by this block; where they did. */
      decided: decidedSchema.exactOptional(),
      /** Whose updates after which round do not count any more; where the members decided so by this block. */
      rolledBack: z.looseObject({ without: z.string(), to: count }).exactOptional(),
    })
    .exactOptional(),
});

export const runResultSchema = z.looseObject({
  rounds: count,
  evaluation: evaluationSchema.nullable(),
});

export const peerStatusSchema = z.looseObject({
  peer: z.string(),
  connected: z.boolean(),
  neighbour: z.boolean(),
  standing: z.enum(STANDINGS),
  score: z.number(),
  /**
   * What vetoes of its updates amount to, 1 where there are none, and the bound at which they isolate it, null where
   * they never do; null in answers of earlier versions.
   */
  opinion: z
    .looseObject({ evidence: z.number(), bound: z.number().nullable() })
    .nullable()
    .default(null),
  round: z.number().nullable(),
  lastReason: z.string().nullable(),
  roundTripMs: z.number().nullable(),
  gossipScore: z.number().nullable(),
  /** How the last attempt to connect failed; null of who is connected, and in answers of earlier versions. */
  lastDial: z.looseObject({ address: z.string(), reason: z.string() }).nullable().default(null),
  direction: z.enum(["inbound", "outbound"]).nullable().default(null),
  address: z.string().nullable().default(null),
  /** Version of its klatch, as it said when it connected. */
  version: z.string().nullable().default(null),
  /** How far its clock is ahead, milliseconds. */
  clockOffsetMs: z.number().nullable().default(null),
  /** What it has not like this node, and what keeps nobody from mixing. */
  notes: z.array(z.string()).default([]),
  /** Whether the two have something unlike that keeps them from mixing. */
  barrier: z.boolean().default(false),
  /** Whether it has said goodbye since it was here. */
  left: z.boolean().default(false),
  /** Why it is not mixed with, in words; null of one that is. */
  reason: z.string().nullable().default(null),
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
  /** Whether this node is a member; one that is none looks on. Absent: it is. */
  member: z.boolean().exactOptional(),
  /** Changes of the members that wait here for a block, and members that have contradicted themselves; where there are. */
  changes: count.exactOptional(),
  contradicted: z.array(z.string()).exactOptional(),
  /** Why the node signs nothing: it asks, or says nothing until a round is final, by what its disk lacks. Absent: it does. */
  silence: z
    .looseObject({
      answers: count,
      needed: count,
      until: count.nullable(),
      lack: z.string().nullable(),
    })
    .exactOptional(),
  /** What the members have decided about the run; where they have. */
  decided: decidedSchema.exactOptional(),
  /** Counted from 0: so many were lost before it. */
  view: count,
  proposer: z.string().nullable(),
  /** Of the height, and of the view; a quorum of each is needed. */
  ballots: count,
  votes: count,
  quorum: count,
  /** Final blocks, the digest of the newest, and when it was kept; the run id and null before the first. */
  blocks: count,
  head: z.string(),
  headAt: z.number().nullable(),
});

/** What a round costs in bytes as it is coded, and as it could be. */
export const roundCostsSchema = z.looseObject({
  /** `run.bytesPerRound`, and `network.link` in bits a second; null where they are not said. */
  budget: count.nullable(),
  link: count.nullable(),
  /** From most bytes to fewest. */
  ways: z.array(
    z.looseObject({
      codec: z.string(),
      rank: count,
      /** Test loss as times that of int8, where it was measured. */
      loss: z.number().nullable(),
      /** Of one payload; of all that a member sends and receives; and what of either is no payload. */
      payload: count,
      sent: count,
      received: count,
      overhead: count,
      /** On the link. */
      seconds: count.nullable(),
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
  phase: z.enum(["train", "commit", "fetch", "mix", "vote", "done"]),
  round: count,
  /** Of a status that is told (told.ts): rounds that are over. */
  roundsDone: count.exactOptional(),
  rounds: count,
  /** Rounds that mixed something of others, and rounds that nobody else had a part in. */
  mixedRounds: count.default(0),
  soloRounds: count.default(0),
  waitingFor: z.array(z.string()),
  deadline: z.number().nullable(),
  trainLoss: z.number().nullable(),
  heldOutLoss: z.number().nullable(),
  evaluation: evaluationSchema.nullable(),
  mode: z.enum(RUN_MODES).default("gossip"),
  /** Null in mode `gossip`. */
  agreed: agreedStatusSchema.nullable().default(null),
  /** Digest of the adapter's state; null in answers of earlier versions. */
  adapter: z.string().nullable().default(null),
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
  /** Absent in answers of earlier versions. */
  costs: roundCostsSchema.exactOptional(),
  peers: z.array(peerStatusSchema),
  /** Who knocked and is no member, the last ones. */
  strangers: z.array(z.string()).default([]),
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
  /** What a classifier tells apart; null for other tasks. */
  classes: z.array(z.string()).nullable(),
  /** The keys of the configuration that decide how the adapter is read and used. */
  settings: z.looseObject({
    model: z.string(),
    run: z.looseObject({ name: z.string() }),
    data: z.looseObject({ train: z.array(z.string()) }),
  }),
  /** What the run id is the digest of; absent in runs of earlier versions. */
  terms: runTermsSchema.exactOptional(),
  /** What the digest of the adapter's layout is of; absent in runs of earlier versions. */
  layout: z.array(z.string()).exactOptional(),
  status: nodeStatusSchema,
});

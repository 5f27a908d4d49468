import { z } from "zod";
import { RUN_MODES } from "../../types.ts";
import { NODE_STATES, nodeStatusSchema } from "./record-schemas.ts";

/** What the status endpoint answers besides what is also kept on disk (record-schemas.ts). */
const count = z.number().min(0);

/** Why a request was not answered. */
export const refusalSchema = z.looseObject({ error: z.string() });

/** Said for as long as a node has nothing to show. */
export const STARTING = "starting";
export const startingSchema = z.looseObject({ state: z.literal(STARTING), error: z.string() });

export const livingSchema = z.looseObject({ status: z.literal("ok") });

/** Whether a node works in step with others; the code of the answer says the same. */
export const readySchema = z.looseObject({ state: z.enum([STARTING, ...NODE_STATES]) });

/** How a node is, and why it is not better. */
export const healthSchema = z.looseObject({
  state: z.enum([STARTING, ...NODE_STATES]),
  reason: z.string().nullable().describe("For a person; null of a node that is in step."),
});

/** A final block of mode `agreed`, with the certificate that makes it so. */
export const chainBlockSchema = z.looseObject({
  round: count,
  block: z.string().describe("Digest of the block."),
  parent: z.string().describe("Digest of the block before; the run id of the first."),
  checkpoint: z.string().describe("Digest of the state that follows from it."),
  view: count,
  members: count,
  ballots: z.array(z.string()).describe("Members whose ballots are in it."),
  cut: z.array(z.string()).describe("Members whose updates count."),
  signers: z.array(z.string()).describe("Members who have signed it: a quorum."),
  blockBytes: count,
  certificateBytes: count,
});

/** How members agree, and the end of the chain of what they agreed on. */
export const agreementSchema = z.looseObject({
  mode: z.enum(RUN_MODES),
  rule: z.string(),
  attackersMax: count,
  certifiedAttackers: count,
  agreed: nodeStatusSchema.shape.agreed,
  head: chainBlockSchema.nullable().describe("Null in mode `gossip`, and before the first block."),
});

/** Rounds for a plot, in columns, the oldest first. A long history is thinned: each point is a round as it was. */
export const curvesSchema = z.looseObject({
  round: z.array(count),
  endedAt: z.array(z.number()).describe("Unix time in milliseconds."),
  seconds: z.array(z.number()),
  trainLoss: z.array(z.number().nullable()).describe("Of this node's own training."),
  heldOutLoss: z
    .array(z.number().nullable())
    .describe("Of the mixed state, on this node's held-out examples."),
  mixed: z.array(count).describe("Updates of others in the mix."),
  bytesSent: z.array(count),
  bytesReceived: z.array(count),
});

/** What a node runs on. */
export const machineSchema = z.looseObject({
  engine: z.string().describe("What trains: library and device."),
  parameters: count.describe("Of the base model."),
  adapterValues: count.describe("Numbers in the adapter: four bytes each where nothing is coded."),
  training: z
    .looseObject({
      weights: count,
      activations: count,
      optimiser: count,
      total: count,
      available: count.nullable().describe("What the device has; null where it does not tell."),
    })
    .describe("What training takes at most, in bytes."),
});

/** The same with what the process takes now. */
export const machineNowSchema = machineSchema.extend({
  process: z.looseObject({
    residentBytes: count,
    heapBytes: count,
    uptimeSeconds: count,
    diskFreeBytes: count
      .nullable()
      .describe("Of the data folder's disk; null where it cannot be asked."),
  }),
});

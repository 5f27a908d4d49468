import { z } from "zod";
import { STANDINGS } from "../../types.ts";

const count = z.number().min(0);

/** What a node sees of another member. */
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
  lastDial: z
    .looseObject({ address: z.string(), reason: z.string() })
    .nullable()
    .default(null)
    .describe(
      "How the last attempt to connect failed; null of who is connected, and in answers of earlier versions.",
    ),
  direction: z.enum(["inbound", "outbound"]).nullable().default(null),
  address: z.string().nullable().default(null),
  version: z
    .string()
    .nullable()
    .default(null)
    .describe("Version of its klatch, as it said when it connected."),
  clockOffsetMs: z
    .number()
    .nullable()
    .default(null)
    .describe("How far its clock is ahead, milliseconds."),
  notes: z
    .array(z.string())
    .default([])
    .describe("What it has not like this node, and what keeps nobody from mixing."),
  barrier: z
    .boolean()
    .default(false)
    .describe("Whether the two have something unlike that keeps them from mixing."),
  left: z.boolean().default(false).describe("Whether it has said goodbye since it was here."),
  reason: z
    .string()
    .nullable()
    .default(null)
    .describe("Why it is not mixed with, in words; null of one that is."),
  traffic: z
    .looseObject({ sent: count, received: count })
    .nullable()
    .default(null)
    .describe(
      "Bytes with it since this process began; null of who is not connected, and in answers of earlier versions.",
    ),
});

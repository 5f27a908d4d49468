import { z } from "zod";
import { PHASES, STANDINGS } from "../../types.ts";
import { evidenceSchema, NODE_STATES, roundRecordSchema } from "./record-schemas.ts";

const count = z.number().min(0);

/** What a node tells of as it happens, by name; rounds are counted from 1 once it is told. */
export const eventSchemas = {
  /** The node is in another state. */
  state: z.looseObject({ state: z.enum(NODE_STATES) }),
  /** The open round is in another phase. */
  phase: z.looseObject({ round: count, phase: z.enum(PHASES), at: z.number() }),
  /** A round is over. */
  round: roundRecordSchema,
  /** A member came, went, said goodbye, or has another standing. */
  peer: z.looseObject({
    peer: z.string(),
    change: z.enum(["connected", "disconnected", "left", ...STANDINGS]),
  }),
  /** A peer was seen to do something that counts against it. */
  evidence: evidenceSchema,
};

/** The first event of each stream: whether those that came after the last one seen have been sent, all of them. */
export const beginSchema = z.strictObject({ complete: z.boolean() });

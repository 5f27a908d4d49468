import type { z } from "zod";
import type { chainBlockSchema, curvesSchema, healthSchema, machineSchema } from "./api-schemas.ts";
import type { eventSchemas } from "./event-schemas.ts";
import type { peerStatusSchema } from "./peer-schemas.ts";
import type {
  nodeStatusSchema,
  roundCostsSchema,
  roundRecordSchema,
  runRecordSchema,
  runResultSchema,
} from "./record-schemas.ts";

/** The keys that a schema names. */
type Named<T> = { [Key in keyof T as string extends Key ? never : Key]: T[Key] };

/** A parsed record, read-only and without the unknown fields that a later version may have added; tables stay. */
type Known<T> = T extends readonly (infer Item)[]
  ? readonly Known<Item>[]
  : T extends object
    ? [keyof Named<T>] extends [never]
      ? Readonly<T>
      : { readonly [Key in keyof Named<T>]: Known<Named<T>[Key]> }
    : T;

/** What happened in one round, for `rounds`, the status server and the report. */
export type RoundRecord = Known<z.output<typeof roundRecordSchema>>;

/** What a round costs in bytes as it is coded, and as it could be. */
export type RoundCosts = Known<z.output<typeof roundCostsSchema>>;

/** How a run ended. */
export type RunResult = Known<z.output<typeof runResultSchema>>;

/** A final block of mode `agreed`, with who has signed it. */
export type ChainBlock = Known<z.output<typeof chainBlockSchema>>;

/** What a node runs on. */
export type Machine = Known<z.output<typeof machineSchema>>;

/** How a node is. */
export type Health = Known<z.output<typeof healthSchema>>;

/** Rounds for a plot. */
export type Curves = Known<z.output<typeof curvesSchema>>;

type EventName = keyof typeof eventSchemas;

/** Something that has just happened in a node. */
export type NodeEvent = {
  readonly [Name in EventName]: { readonly type: Name } & Known<
    z.output<(typeof eventSchemas)[Name]>
  >;
}[EventName];

/** What a node sees of another member. */
export type PeerStatus = Known<z.output<typeof peerStatusSchema>>;

/** The answer of /status and of `klatch status`. */
export type NodeStatus = Known<z.output<typeof nodeStatusSchema>>;

/** What a run was, for who reads a node's folder. */
export type RunRecord = Known<z.output<typeof runRecordSchema>>;

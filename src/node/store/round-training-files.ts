import { z } from "zod";
import type { Digest } from "../../types.ts";
import { type ArrayRecord, jsonOf } from "./array-file.ts";
import type { RoundTraining } from "./contract.ts";
import { readState, stateSections } from "./state-files.ts";

const count = z.int().min(0);
const fieldsSchema = z.strictObject({ run: z.string(), round: count, step: count });
const factsSchema = z.strictObject({
  start: z.string(),
  steps: count,
  watch: z.strictObject({ average: z.number(), least: z.number(), steps: count }).nullable(),
  lossSum: z.number(),
  examples: count,
  seconds: z.number(),
});

/** The training of a round as a record of arrays. */
export function fromRoundTraining(training: RoundTraining): ArrayRecord {
  const { run, round, adapter: _, optimizer, ...facts } = training;
  return {
    kind: "training",
    fields: { run, round, step: optimizer.step },
    sections: new Map([
      ...stateSections(training),
      ["facts", Buffer.from(JSON.stringify(facts), "utf8")],
    ]),
  };
}

/** The training of `round` of `run` in a record, or what is wrong with it. */
export function toRoundTraining(
  record: ArrayRecord,
  run: Digest,
  round: number,
): RoundTraining | string {
  const fields = fieldsSchema.safeParse(record.fields);
  if (!fields.success) return "its fields are malformed";
  if (fields.data.run !== run || fields.data.round !== round) return "it belongs to another round";
  const state = readState(record, fields.data.step);
  const facts = factsSchema.safeParse(jsonOf(record.sections.get("facts") ?? new Uint8Array()));
  if (state === null || !facts.success) return "its parts do not fit together";
  return { run, round, ...state, ...facts.data };
}

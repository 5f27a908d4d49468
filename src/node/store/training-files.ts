import { z } from "zod";
import type { AloneState } from "../../training/index.ts";
import type { Evaluation } from "../../types.ts";
import { type ArrayRecord, bytesOf, floatsOf, jsonOf } from "./array-file.ts";
import { readState, stateSections } from "./state-files.ts";

/** A value of a setting as JSON writes it. */
export type Settings = Readonly<Record<string, string>>;

/** What a training alone goes on from after it was interrupted. */
export interface TrainingCheckpoint {
  readonly state: AloneState;
  /** What has to be the same for it to be the same training. */
  readonly settings: Settings;
  /** On the test files, before the first step; null where there are none. */
  readonly before: Evaluation | null;
}

const count = z.int().min(0);
/** JSON has no Infinity, which the perplexity of a hopeless state is. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY);
const evaluation = z.object({
  loss: number,
  perplexity: number,
  exactMatch: z.number(),
  macroF1: z.number().exactOptional(),
  tokens: count,
  examples: count,
});
const factsSchema = z.object({
  round: count,
  progress: z.object({
    steps: count,
    tokens: count,
    positions: count,
    seconds: z.number(),
    loss: z.number(),
    misses: count,
  }),
  best: z.object({ bestStep: count, heldOut: evaluation.nullable() }).nullable(),
  settings: z.record(z.string(), z.string()),
  before: evaluation.nullable(),
});

/** A training as a record of arrays. */
export function fromTraining({ state, settings, before }: TrainingCheckpoint): ArrayRecord {
  const { round, optimizer, progress } = state;
  const { best, ...counts } = progress;
  const { adapter: bestAdapter, ...bestFacts } = best ?? { adapter: null };
  const facts = { round, progress: counts, best: best && bestFacts, settings, before };
  return {
    kind: "training",
    fields: { step: optimizer.step },
    sections: new Map([
      ...stateSections(state),
      // Most are the best so far themselves.
      ...(bestAdapter === null || best?.bestStep === progress.steps
        ? []
        : [["best", bytesOf(bestAdapter)] as const]),
      ["facts", Buffer.from(JSON.stringify(facts), "utf8")],
    ]),
  };
}

/** The training in a record after `step` steps, or what is wrong with it. */
export function toTraining(record: ArrayRecord, step: number): TrainingCheckpoint | string {
  const { step: written } = record.fields;
  if (written !== step) return "it belongs to another step";
  const state = readState(record, step);
  const facts = factsSchema.safeParse(jsonOf(record.sections.get("facts") ?? new Uint8Array()));
  if (state === null || !facts.success) return "its parts do not fit together";
  const { round, progress, best, settings, before } = facts.data;
  const kept = record.sections.get("best");
  const adapter = kept === undefined ? state.adapter : floatsOf(kept);
  if (adapter === null || adapter.length !== state.adapter.length) {
    return "its arrays do not fit together";
  }
  const known = { ...progress, best: best && { ...best, adapter } };
  return { state: { ...state, round, progress: known }, settings, before };
}

import { strict as assert } from "node:assert";
import { z } from "zod";
import type { Digest } from "../../types.ts";
import type { Checkpoint, Offer } from "../peer/contract.ts";
import { type ArrayRecord, bytesOf, floatsOf } from "./array-file.ts";

const counter = z.int().min(0);
const checkpointFields = z.strictObject({
  run: z.string(),
  round: counter,
  sequence: counter,
  step: counter,
});
const offerFields = checkpointFields.extend({
  examples: counter,
  /** JSON has no NaN: a loss that is no number is written as null. */
  trainLoss: z.number().nullable(),
});

/** A checkpoint as a record of arrays. */
export function fromCheckpoint(checkpoint: Checkpoint): ArrayRecord {
  const { run, round, sequence, ledger } = checkpoint;
  return {
    kind: "checkpoint",
    fields: { run, round, sequence, step: checkpoint.optimizer.step },
    sections: new Map([...stateSections(checkpoint), ["ledger", Buffer.from(ledger, "utf8")]]),
  };
}

/** The checkpoint of `run` before `round` in a record, or what is wrong with it. */
export function toCheckpoint(record: ArrayRecord, run: Digest, round: number): Checkpoint | string {
  const fields = checkpointFields.safeParse(record.fields);
  if (!fields.success) return "its fields are malformed";
  if (fields.data.run !== run || fields.data.round !== round) return "it belongs to another round";
  const state = readState(record, fields.data.step);
  const ledger = record.sections.get("ledger");
  if (state === null || ledger === undefined) return "its arrays do not fit together";
  const { sequence } = fields.data;
  return { run, round, sequence, ...state, ledger: Buffer.from(ledger).toString("utf8") };
}

/** An offer as a record of arrays. */
export function fromOffer(offer: Offer): ArrayRecord {
  const { run, round, sequence, examples, trainLoss, payload } = offer;
  return {
    kind: "offer",
    fields: { run, round, sequence, step: offer.optimizer.step, examples, trainLoss },
    sections: new Map([...stateSections(offer), ["payload", payload]]),
  };
}

/** The offer of `run` for `round` in a record, or what is wrong with it. */
export function toOffer(record: ArrayRecord, run: Digest, round: number): Offer | string {
  const fields = offerFields.safeParse(record.fields);
  if (!fields.success) return "its fields are malformed";
  if (fields.data.run !== run || fields.data.round !== round) return "it belongs to another round";
  const state = readState(record, fields.data.step);
  const payload = record.sections.get("payload");
  if (state === null || payload === undefined) return "its arrays do not fit together";
  const { sequence, examples, trainLoss } = fields.data;
  return {
    run,
    round,
    sequence,
    examples,
    trainLoss: trainLoss ?? Number.NaN,
    ...state,
    payload: Uint8Array.from(payload),
  };
}

// --- internal ---

type State = Pick<Checkpoint, "adapter" | "optimizer">;

function stateSections({ adapter, optimizer }: State): [string, Uint8Array][] {
  const { firstMoment, secondMoment } = optimizer;
  assert(firstMoment.length === secondMoment.length, "the moments have one length");
  return [
    ["adapter", bytesOf(adapter)],
    ["firstMoment", bytesOf(firstMoment)],
    ["secondMoment", bytesOf(secondMoment)],
  ];
}

function readState({ sections }: ArrayRecord, step: number): State | null {
  const read = (name: string): Float32Array | null =>
    floatsOf(sections.get(name) ?? new Uint8Array(1));
  const [adapter, firstMoment, secondMoment] = ["adapter", "firstMoment", "secondMoment"].map(read);
  if (!adapter || !firstMoment || !secondMoment) return null;
  if (firstMoment.length !== secondMoment.length) return null;
  return { adapter, optimizer: { step, firstMoment, secondMoment } };
}

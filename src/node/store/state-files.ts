import { strict as assert } from "node:assert";
import { z } from "zod";
import type { KeptArrays } from "../../consensus/index.ts";
import type { Digest } from "../../types.ts";
import { type ArrayRecord, bytesOf, floatsOf, jsonOf } from "./array-file.ts";
import type { Checkpoint, KeptRound, OwnUpdate } from "./contract.ts";

const counter = z.int().min(0);
const checkpointFields = z.strictObject({
  run: z.string(),
  round: counter,
  sequence: counter,
  step: counter,
});
const updateFields = checkpointFields.extend({
  examples: counter,
  /** JSON has no NaN: a loss that is no number is written as null. */
  trainLoss: z.number().nullable(),
});
/** What the gradient's transforms remember, where one does. */
const transformStates = z.array(z.json());

/** A checkpoint as a record of arrays. */
export function fromCheckpoint(checkpoint: Checkpoint): ArrayRecord {
  const { run, round, sequence, ledger } = checkpoint;
  return {
    kind: "checkpoint",
    fields: { run, round, sequence, step: checkpoint.optimizer.step },
    sections: new Map([
      ...stateSections(checkpoint),
      ...memorySections(checkpoint.memory),
      ["ledger", Buffer.from(ledger, "utf8")],
    ]),
  };
}

/** The checkpoint of `run` before `round` in a record, or what is wrong with it. */
export function toCheckpoint(record: ArrayRecord, run: Digest, round: number): Checkpoint | string {
  const fields = checkpointFields.safeParse(record.fields);
  if (!fields.success) return "its fields are malformed";
  if (fields.data.run !== run || fields.data.round !== round) return "it belongs to another round";
  const state = readState(record, fields.data.step);
  const memory = readMemory(record);
  const ledger = record.sections.get("ledger");
  if (state === null || memory === null || ledger === undefined) {
    return "its arrays do not fit together";
  }
  const { sequence } = fields.data;
  return { run, round, sequence, ...state, memory, ledger: Buffer.from(ledger).toString("utf8") };
}

/** A node's own update as a record of arrays. */
export function fromUpdate(update: OwnUpdate): ArrayRecord {
  const { run, round, sequence, examples, trainLoss, payload } = update;
  return {
    kind: "update",
    fields: { run, round, sequence, step: update.optimizer.step, examples, trainLoss },
    sections: new Map([
      ...stateSections(update),
      ...memorySections(update.memory),
      ["payload", payload],
    ]),
  };
}

/** The own update of `run` for `round` in a record, or what is wrong with it. */
export function toUpdate(record: ArrayRecord, run: Digest, round: number): OwnUpdate | string {
  const fields = updateFields.safeParse(record.fields);
  if (!fields.success) return "its fields are malformed";
  if (fields.data.run !== run || fields.data.round !== round) return "it belongs to another round";
  const state = readState(record, fields.data.step);
  const memory = readMemory(record);
  const payload = record.sections.get("payload");
  if (state === null || memory === null || payload === undefined) {
    return "its arrays do not fit together";
  }
  const { sequence, examples, trainLoss } = fields.data;
  return {
    run,
    round,
    sequence,
    examples,
    trainLoss: trainLoss ?? Number.NaN,
    ...state,
    memory,
    payload: Uint8Array.from(payload),
  };
}

/** What a training holds. */
type State = Pick<Checkpoint, "adapter" | "optimizer">;

type Section = [name: string, bytes: Uint8Array];

/** The arrays of a training, as sections of a record. */
export function stateSections({ adapter, optimizer }: State): Section[] {
  const { firstMoment, secondMoment, transforms } = optimizer;
  assert(firstMoment.length === secondMoment.length, "the moments have one length");
  return [
    ["adapter", bytesOf(adapter)],
    ["firstMoment", bytesOf(firstMoment)],
    ["secondMoment", bytesOf(secondMoment)],
    ...(transforms === undefined ? [] : [jsonSection("transforms", transforms)]),
  ];
}

/** What {@link stateSections} wrote at a step; null when it does not fit together. */
export function readState({ sections }: ArrayRecord, step: number): State | null {
  const read = (name: string): Float32Array | null =>
    floatsOf(sections.get(name) ?? new Uint8Array(1));
  const [adapter, firstMoment, secondMoment] = ["adapter", "firstMoment", "secondMoment"].map(read);
  if (!adapter || !firstMoment || !secondMoment) return null;
  if (firstMoment.length !== secondMoment.length) return null;
  const optimizer = { step, firstMoment, secondMoment };
  const kept = sections.get("transforms");
  if (kept === undefined) return { adapter, optimizer };
  const transforms = transformStates.safeParse(jsonOf(kept));
  if (!transforms.success) return null;
  return { adapter, optimizer: { ...optimizer, transforms: transforms.data } };
}

/** A round that can be mixed again as a record of arrays. */
export function fromKeptRound({ run, round, theta, velocity, payloads }: KeptRound): ArrayRecord {
  return {
    kind: "round",
    fields: { run, round },
    sections: new Map([
      ["theta", bytesOf(theta)],
      ...(velocity === null ? [] : [["velocity", bytesOf(velocity)] as const]),
      ...payloads,
    ]),
  };
}

const keptRoundFields = z.strictObject({ run: z.string(), round: counter });

/** The round of `run` in a record, or what is wrong with it. */
export function toKeptRound(record: ArrayRecord, run: Digest, round: number): KeptRound | string {
  const fields = keptRoundFields.safeParse(record.fields);
  if (!fields.success) return "its fields are malformed";
  if (fields.data.run !== run || fields.data.round !== round) return "it belongs to another round";
  const arrays = ["theta", "velocity"];
  const [theta = null, velocity = null] = arrays.map((name) => {
    const bytes = record.sections.get(name);
    return bytes && floatsOf(bytes);
  });
  const isWhole = theta !== null && record.sections.has("velocity") === (velocity !== null);
  if (!isWhole) return "its arrays do not fit together";
  const rest = [...record.sections].filter(([name]) => !arrays.includes(name));
  const payloads = new Map(rest.map(([name, bytes]) => [name, Uint8Array.from(bytes)]));
  return { run, round, theta, velocity, payloads };
}

// --- internal ---

/** Sections with this beginning hold the arrays of an update memory. */
const MEMORY = "memory.";

function memorySections(memory: KeptArrays): [string, Uint8Array][] {
  return Object.entries(memory).map(([name, array]) => [MEMORY + name, bytesOf(array)]);
}

function readMemory({ sections }: ArrayRecord): KeptArrays | null {
  const memory: Record<string, Float32Array> = {};
  for (const [name, bytes] of sections) {
    if (!name.startsWith(MEMORY)) continue;
    const array = floatsOf(bytes);
    if (array === null) return null;
    memory[name.slice(MEMORY.length)] = array;
  }
  return memory;
}

function jsonSection(name: string, value: unknown): Section {
  return [name, Buffer.from(JSON.stringify(value), "utf8")];
}

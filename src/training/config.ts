import { z } from "zod";
import { BASE_DTYPES, ENGINE_CHOICES, RECOMPUTE_CHOICES, TASKS } from "../types.ts";
import { adapterConfigSchema } from "./adapters/config.ts";
import type { ColumnMap } from "./data/examples/columns.ts";
import { DEFAULT_SEPARATOR } from "./data/examples/separator.ts";
import { optimizerConfigSchema } from "./loop/config.ts";

const column = z.string().min(1).max(200).exactOptional();
const files = z.array(z.string().min(1).max(4096)).max(1000).default([]);

/** Section `data` of the configuration: this organisation's private data; never leaves the machine. */
export const dataConfigSchema = z.strictObject({
  train: files.describe(
    "Files or folders to train on: JSONL, JSON, CSV, TSV, Parquet, text (each file one document), or a folder of images for each class.",
  ),
  columns: z
    .strictObject({
      text: column.describe("Column with plain text to continue."),
      prompt: column.describe("Column with the prompt."),
      completion: column.describe("Column with the completion; loss is taken on it alone."),
      messages: column.describe(
        "Column with chat messages (role, content), written by the model's own chat template.",
      ),
      instruction: column.describe("Column with an instruction in Alpaca's layout."),
      input: column.describe("Column with what the instruction is about; may be empty or absent."),
      output: column.describe("Column with the answer to the instruction."),
      label: column.describe("Column with the class of the text or image: the answer to it."),
      image: column.describe("Column with images as bytes, for models that read them."),
    })
    .prefault({})
    .describe("Names of the columns, where they differ from these keys themselves."),
  heldOutShare: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.1)
    .describe(
      "Share of the training rows (at most 512 rows) held out for the gate, never trained on.",
    ),
  packing: z
    .enum(["none", "separate", "concatenate"])
    .default("none")
    .describe(
      "none gives each text a row of its own; separate lays those of a batch side by side, none seeing another: the same training, faster for short texts; concatenate joins plain texts and cuts them into full rows.",
    ),
  test: files.describe("Files or folders of the final evaluation, of the same kinds."),
});

/** The keys of `data.columns`. */
const columnsSchema = dataConfigSchema.shape.columns.unwrap();

/** The names of `data.columns` and of every flag `--columns`, in the schema's order. */
export const COLUMN_NAMES: readonly string[] = Object.keys(columnsSchema.shape);

/** Reads `prompt=question,completion=answer`; null where that is not what it says. */
export function columnsOf(text: string): ColumnMap | null {
  const pairs = text.split(",").map((pair) => pair.split("="));
  if (pairs.some(({ length }) => length !== 2)) return null;
  const names = new Set(pairs.map(([name]) => name));
  const parsed = columnsSchema.safeParse(Object.fromEntries(pairs));
  return parsed.success && names.size === pairs.length ? parsed.data : null;
}

/** Section `engine` of the configuration: what computes, and how the base model is kept for it. */
export const engineConfigSchema = z.strictObject({
  name: z
    .enum(ENGINE_CHOICES)
    .default("auto")
    .describe("What executes the training graph; auto takes the first that computes right here."),
  onLoss: z
    .enum(["fallback", "stop"])
    .default("fallback")
    .describe("When its device fails during a run: go on on the CPU, or stop."),
  threads: z
    .int()
    .min(0)
    .max(256)
    .default(0)
    .describe("CPU threads of the engine; 0 takes all cores of the machine."),
  dtype: z
    .enum(BASE_DTYPES)
    .default("f32")
    .describe("How the frozen base model is kept: f32, or f16, int8 or int4 in less memory."),
  recompute: z
    .enum(RECOMPUTE_CHOICES)
    .default("auto")
    .describe(
      "Compute each block again in the backward pass, in less memory and about a third more time: auto does where the memory is too little else.",
    ),
  microBatch: z
    .int()
    .min(0)
    .max(4096)
    .default(0)
    .describe("Rows of a batch computed at once, at most; 0 leaves it to the engine."),
});

/** Section `training` of the configuration: how this node trains, as far as members may differ. */
export const trainingConfigSchema = z.strictObject({
  rank: z
    .int()
    .min(1)
    .max(256)
    .nullable()
    .default(null)
    .describe(
      "Rank of the factors that this node trains and sends: from run.rankMin to the run's, null for all of it.",
    ),
});

/** What all peers of a run must have alike about learning: keys of section `run` of the configuration. */
export const trainingTerms = {
  task: z
    .enum(TASKS)
    .default("causal")
    .describe("What is learned: to go on with a text, or to tell its class."),
  classes: z
    .array(z.string().trim().min(1).max(200))
    .max(10_000)
    .refine((names) => new Set(names).size === names.length, "a class is listed twice")
    .default([])
    .describe("Classes of a classification, in order; empty takes those of this peer's own data."),
  steps: z.int().min(1).max(100_000).default(20).describe("Local optimiser steps per round."),
  checkpointSteps: z
    .int()
    .min(0)
    .max(100_000)
    .default(10)
    .describe(
      "Steps after which the training of a round is kept on disk, so that a node that dies goes on from there; 0 for never. Each member may choose.",
    ),
  batchSize: z.int().min(1).max(4096).default(16).describe("Examples per optimiser step."),
  sequenceMax: z
    .int()
    .min(8)
    .max(131_072)
    .default(128)
    .describe("Longest sequence in tokens; longer rows are cut and counted."),
  separator: z
    .string()
    .max(100)
    .default(DEFAULT_SEPARATOR)
    .describe(
      "Put between a prompt and its completion where neither has white space there; nothing where one has.",
    ),
  seed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(1)
    .describe("Seed of the adapter's A factors and of the order of examples."),
  factors: z
    .enum(["both", "alternate", "ffa"])
    .default("both")
    .describe("LoRA factors that train: both; B and A in turns (RoLoRA); B only (FFA-LoRA)."),
  adapter: adapterConfigSchema.prefault({}).describe("The adapter that is trained and shared."),
  optimizer: optimizerConfigSchema.prefault({}).describe("The local optimiser (AdamW)."),
};

import { z } from "zod";
import { roundTimingSchema } from "../../consensus/index.ts";
import { BASE_DTYPES, ENGINE_CHOICES, RECOMPUTE_CHOICES } from "../../types.ts";

const column = z.string().min(1).max(200).exactOptional();
const files = z.array(z.string().min(1).max(4096)).max(1000).default([]);

/** This organisation's private data; never leaves the machine. */
export const dataSection = z.strictObject({
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

export const engineSection = z.strictObject({
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

/** How long to wait for what: the round's clock, and the node's own. */
export const timingSection = roundTimingSchema.extend({
  heartbeatMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(10_000)
    .describe("Milliseconds between two heartbeat lines of the log."),
  stopMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe("Longest graceful stop after the first signal, in milliseconds."),
  lingerMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(30_000)
    .describe("How long --exit-when-finished goes on serving slower peers, in milliseconds."),
});

/** The private held-out gate: Mozi's loss test with a margin and a cap on vetoes. */
export const gateSection = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("Judge every update on private held-out examples before it is mixed."),
  rows: z.int().min(1).max(4096).default(32).describe("Held-out examples drawn for each round."),
  step: z
    .number()
    .positive()
    .max(1)
    .default(0.5)
    .describe("How far towards an update the loss is probed, as a share of the way."),
  marginMin: z
    .number()
    .min(0)
    .max(10)
    .default(0.02)
    .describe("Least distance below the median gain for a veto, as a share of the loss."),
  madFactor: z
    .number()
    .min(0)
    .max(100)
    .default(4)
    .describe("The distance is also at least this many median absolute deviations of the gains."),
  medianFactor: z
    .number()
    .min(0)
    .max(100)
    .default(0.5)
    .describe("And at least this share of the median gain itself."),
  ruinFactor: z
    .number()
    .min(1)
    .max(1000)
    .default(2)
    .describe("A mix that makes the held-out loss worse than this many times is not taken."),
});

export const statusSection = z.strictObject({
  enabled: z.boolean().default(true).describe("Serve the status endpoint."),
  host: z
    .string()
    .min(1)
    .max(255)
    .default("127.0.0.1")
    .describe("Address of the status endpoint; read-only, but it tells who takes part."),
  port: z.int().min(0).max(65_535).default(8800).describe("Its TCP port; 0 takes any free one."),
  allowRemote: z
    .boolean()
    .default(false)
    .describe("Allow an address that other machines can reach; there is no authentication."),
  hostnames: z
    .array(z.string().min(1).max(255))
    .max(32)
    .default([])
    .describe("Further names accepted in the Host header, besides localhost and the address."),
});

export const logSection = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("Least serious level that is logged."),
  format: z
    .enum(["auto", "pretty", "json"])
    .default("auto")
    .describe("auto writes for people on a terminal and JSON lines elsewhere."),
});

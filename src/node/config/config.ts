/**
 * The configuration: one schema, read once at the door.
 *
 * Precedence: defaults < file (YAML or JSON) < `KLATCH_*` environment < flags. A key, its variable and its flag have
 * the same name: `run.batchSize`, `KLATCH_RUN_BATCH_SIZE`, `--run-batch-size`. Unknown ones are errors.
 *
 * @packageDocumentation
 */
import { z } from "zod";
import { networkConfigSchema } from "../../gossip/index.ts";
import { gateConfigSchema, reputationConfigSchema } from "../../reputation/index.ts";
import {
  dataConfigSchema,
  engineConfigSchema,
  trainingConfigSchema,
} from "../../training/index.ts";
import { speedField } from "../budget/units.ts";
import { AUTO_CACHE } from "../folders/cache-folder.ts";
import { logSection, statusSection, storageSection, timingSection } from "./local-sections.ts";
import { runSection } from "./run-section.ts";

/** Value of `model` that stands for the base model that comes with Klatch. */
export const BUNDLED_MODEL = "bundled";

export const configSchema = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .max(4096)
    .default(".klatch")
    .describe("Folder for the identity, checkpoints and ledger of this node."),
  model: z
    .string()
    .min(1)
    .max(4096)
    .default(BUNDLED_MODEL)
    .describe(
      "Hugging Face model folder, or organisation/name[@revision] of the hub; bundled is the small model that comes with Klatch.",
    ),
  shareModel: z
    .enum(["folder", "always", "never"])
    .default("folder")
    .describe(
      "Which model members of a run with tickets may fetch from this node: folder one that is no other's to give, always one of the hub too; never none. Decided by who creates the run; never stops it here.",
    ),
  cache: z
    .string()
    .min(1)
    .max(4096)
    .default(AUTO_CACHE)
    .describe("Folder for models from the hub; auto is klatch in this user's cache folder."),
  init: z
    .string()
    .min(1)
    .max(4096)
    .nullable()
    .default(null)
    .describe(
      "Folder of an adapter that the run begins from, alike on every peer; null for a fresh one.",
    ),
  run: runSection
    .prefault({})
    .describe(
      "What all members of the run must have alike: differ in one value and you never mix.",
    ),
  data: dataConfigSchema.prefault({}).describe("This organisation's private data; it stays here."),
  training: trainingConfigSchema
    .prefault({})
    .describe("How this node trains, as far as members may differ."),
  // Who may connect is said once, by run.members.
  network: networkConfigSchema
    .omit({ members: true })
    .extend({
      link: speedField
        .nullable()
        .default(null)
        .describe(
          "Speed of this node's link, such as 10Mbit: what a round takes on it is told, and nothing chosen by it; null for unknown.",
        ),
    })
    .prefault({})
    .describe("The wire."),
  engine: engineConfigSchema.prefault({}).describe("The training engine."),
  timing: timingSection.prefault({}).describe("How long to wait for what."),
  gate: gateConfigSchema.prefault({}).describe("The private gate that judges updates."),
  reputation: reputationConfigSchema.prefault({}).describe("How behaviour is remembered."),
  storage: storageSection.prefault({}).describe("What is kept of rounds that are over."),
  status: statusSection.prefault({}).describe("The status endpoint."),
  log: logSection.prefault({}).describe("The log, on the standard error stream."),
});

/** Keys whose values are paths: relative ones start at the folder of the file, or of the shell for flags. */
export const PATH_KEYS: ReadonlySet<string> = new Set([
  "dataDir",
  "model",
  "cache",
  "init",
  "data.train",
  "data.test",
  "network.networkKeyFile",
]);

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** A complete, checked and frozen configuration; every path in it is absolute. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

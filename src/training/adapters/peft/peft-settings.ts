import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { checkShape, readJson } from "../../files/file-access.ts";
import type { AdapterSettings } from "../options.ts";

const modules = z.union([z.array(z.string().min(1).max(512)).min(1).max(4096), z.string()]);

const loraSchema = z.looseObject({
  r: z.number().int().min(1).max(4096),
  lora_alpha: z.number().positive().max(1e6),
  target_modules: modules,
  bias: z.string().default("none"),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  // Other ways to start change the base model, or are undone before saving.
  init_lora_weights: z.union([z.boolean(), z.literal("gaussian")]).nullish(),
});

const ia3Schema = z.looseObject({
  target_modules: modules,
  feedforward_modules: z
    .union([z.array(z.string().min(1).max(512)).max(4096), z.string()])
    .nullish(),
});

const virtualSchema = z.looseObject({
  num_virtual_tokens: z.number().int().min(1).max(4096),
  // Two are an encoder's and a decoder's.
  num_transformer_submodules: z.literal(1).nullish(),
});

/** A file holds the embeddings, or the keys and values, themselves, however they were made in training. */
function virtualReader(kind: "prompt" | "prefix"): Reader {
  return {
    fields: Object.keys(virtualSchema.shape),
    read(json, file) {
      return { kind, virtualTokens: checkShape(json, virtualSchema, file).num_virtual_tokens };
    },
  };
}

const bottleneckSchema = z.looseObject({
  bottleneck_size: z.number().int().min(1).max(4096),
  non_linearity: z.literal("swish"),
  target_modules: modules,
});

interface Reader {
  /** What is computed depends on these. */
  readonly fields: readonly string[];
  read(json: unknown, file: string): AdapterSettings;
}

/** How the methods that Klatch can compute are read from adapter_config.json, by `peft_type`. */
const READERS: Readonly<Record<string, Reader>> = {
  LORA: {
    fields: Object.keys(loraSchema.shape),
    read(json, file) {
      const raw = checkShape(json, loraSchema, file);
      const { bias, use_dora: dora, use_rslora: stabilised } = raw;
      // Biases have come with nothing else: factors of rank 1 that PEFT has to have, and that are zero.
      if (bias === "all" && raw.r === 1) return { kind: "bitfit" };
      if (bias !== "none") throw refuse(file, `bias is ${bias}`);
      if (dora && stabilised) throw refuse(file, "use_dora and use_rslora are both true");
      const targets = targetNames(raw.target_modules, file);
      const kind = dora ? "dora" : stabilised ? "rslora" : "lora";
      return { kind, rank: raw.r, alpha: raw.lora_alpha, targets };
    },
  },
  IA3: {
    fields: Object.keys(ia3Schema.shape),
    read(json, file) {
      const raw = checkShape(json, ia3Schema, file);
      const targets = targetNames(raw.target_modules, file);
      return {
        kind: "ia3",
        targets,
        feedforward: targetNames(raw.feedforward_modules ?? [], file),
      };
    },
  },
  BOTTLENECK: {
    fields: Object.keys(bottleneckSchema.shape),
    read(json, file) {
      const raw = checkShape(json, bottleneckSchema, file);
      const targets = targetNames(raw.target_modules, file);
      return { kind: "bottleneck", size: raw.bottleneck_size, targets };
    },
  },
  PROMPT_TUNING: virtualReader("prompt"),
  PREFIX_TUNING: virtualReader("prefix"),
};

/** Fields that say nothing about what is computed with the files' numbers. */
const SILENT = new Set([
  ...["auto_mapping", "base_model_name_or_path", "inference_mode", "peft_type", "peft_version"],
  ...["revision", "task_type", "fan_in_fan_out", "lora_dropout", "megatron_core"],
  ...["layers_pattern", "qalora_group_size", "init_ia3_weights", "modules_to_save"],
  ...["encoder_hidden_size", "init_weights", "num_attention_heads", "num_layers", "token_dim"],
  ...["prefix_projection", "prompt_tuning_init", "prompt_tuning_init_text"],
  ...["tokenizer_kwargs", "tokenizer_name_or_path"],
]);

const kindSchema = z.looseObject({
  peft_type: z.string().max(64),
  modules_to_save: z.unknown().optional(),
});

/**
 * Reads what adapter_config.json of a PEFT folder says about the method.
 *
 * @throws KlatchError `data` when it is missing or malformed, `incompatible` when it is a method or has a setting that
 *   Klatch does not compute
 */
export async function readAdapterSettings(folder: string): Promise<AdapterSettings> {
  const file = join(folder, "adapter_config.json");
  const raw = await readJson(file, kindSchema);
  const reader = Object.hasOwn(READERS, raw.peft_type) ? READERS[raw.peft_type] : undefined;
  if (reader === undefined) throw refuse(file, `peft_type is ${raw.peft_type}`);
  checkSavedModules(raw.modules_to_save, file);
  for (const [field, value] of Object.entries(raw)) {
    if (SILENT.has(field) || reader.fields.includes(field) || isUnset(value)) continue;
    throw refuse(file, `${field} is ${JSON.stringify(value).slice(0, 80)}`);
  }
  return reader.read(raw, file);
}

// --- internal ---

function refuse(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file}: ${what}, which is not supported`,
    `Klatch reads adapters of the types ${Object.keys(READERS).join(", ")}`,
  );
}

/** The names of classification heads; PEFT lists both whatever the model has. */
const HEADS: readonly unknown[] = ["classifier", "score"];

/** Whole layers beside the adapter can be heads only: their tensors say whether they fit. */
function checkSavedModules(modules: unknown, file: string): void {
  if (modules === null || modules === undefined) return;
  if (Array.isArray(modules) && modules.every((name) => HEADS.includes(name))) return;
  throw refuse(file, `modules_to_save is ${JSON.stringify(modules).slice(0, 80)}`);
}

/** Whether a field that Klatch does not know changes nothing. */
function isUnset(value: unknown): boolean {
  if (value === null || value === false || value === "") return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function targetNames(targets: z.infer<typeof modules>, file: string): readonly string[] {
  if (targets === "all-linear") return ["all"];
  if (typeof targets !== "string") return targets;
  throw refuse(file, `target_modules is the pattern "${targets}", not a list of names`);
}

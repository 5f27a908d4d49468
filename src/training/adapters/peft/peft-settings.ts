import { join } from "node:path";
import { z } from "zod";
import { checkShape, readJson } from "../../files/file-access.ts";
import type { AdapterSettings } from "../options.ts";
import { LORA_FIELDS, readLora } from "./lora-settings.ts";
import { HEADS, isUnset, modules, refuseSetting, shown, targetNames } from "./peft-fields.ts";

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
  /** `file` is adapter_config.json; what it does not say stands in the file of tensors beside it. */
  read(json: unknown, file: string): AdapterSettings | Promise<AdapterSettings>;
}

/** How the methods that Klatch can compute are read from adapter_config.json, by `peft_type`. */
const READERS: Readonly<Record<string, Reader>> = {
  LORA: { fields: LORA_FIELDS, read: readLora },
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
  if (reader === undefined) throw refuseSetting(file, `peft_type is ${raw.peft_type}`);
  if (raw.peft_type !== "LORA") checkSavedModules(raw.modules_to_save, file);
  for (const [field, value] of Object.entries(raw)) {
    if (SILENT.has(field) || reader.fields.includes(field) || isUnset(value)) continue;
    throw refuseSetting(file, `${field} is ${shown(value)}`);
  }
  return await reader.read(raw, file);
}

// --- internal ---

/** Whole layers beside the adapter can be heads only: their tensors say whether they fit. */
function checkSavedModules(modules: unknown, file: string): void {
  if (modules === null || modules === undefined) return;
  if (Array.isArray(modules) && modules.every((name) => HEADS.includes(name))) return;
  throw refuseSetting(file, `modules_to_save is ${shown(modules)}`);
}

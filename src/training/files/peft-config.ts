import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { readJson } from "./file-access.ts";

/** Klatch's own file in an adapter folder; PEFT passes over it. */
export const KLATCH_FILE = "klatch.json";

/**
 * The content of adapter_config.json for a plain LoRA adapter, with PEFT's field names; only fields that old releases
 * know too, because PEFT refuses others.
 */
export function loraConfig(adapter: {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly string[];
}): Readonly<Record<string, unknown>> {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: adapter.rank,
    rank_pattern: {},
    revision: null,
    target_modules: adapter.targets,
    task_type: "CAUSAL_LM",
  };
}

const emptyPattern = z.record(z.string(), z.unknown()).nullish();
const configSchema = z.object({
  peft_type: z.string(),
  r: z.number().int().min(1).max(4096),
  lora_alpha: z.number().positive().max(1e6),
  target_modules: z.union([z.array(z.string().min(1).max(512)).min(1).max(4096), z.string()]),
  base_model_name_or_path: z.string().nullish(),
  bias: z.string().default("none"),
  fan_in_fan_out: z.boolean().default(false),
  use_rslora: z.boolean().default(false),
  use_dora: z.boolean().default(false),
  rank_pattern: emptyPattern,
  alpha_pattern: emptyPattern,
  modules_to_save: z.array(z.string()).nullish(),
});
type RawConfig = z.infer<typeof configSchema>;

/** What Klatch needs of an adapter_config.json. */
export interface LoraSettings {
  readonly rank: number;
  readonly alpha: number;
  /** Ends of the adapted layers' paths, e.g. `q_proj`. */
  readonly targets: readonly string[];
}

function refuse(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file}: ${what}`,
    "Klatch reads plain LoRA adapters on linear layers",
  );
}

/** What the file asks for beyond plain LoRA; null when nothing. */
function unsupported(raw: RawConfig): string | null {
  if (raw.peft_type !== "LORA") return `peft_type is ${raw.peft_type}, not LORA`;
  if (raw.bias !== "none") return `bias is ${raw.bias}, not none`;
  if (raw.use_rslora) return "use_rslora is true";
  if (raw.use_dora) return "use_dora is true";
  if (raw.fan_in_fan_out) return "fan_in_fan_out is true";
  if (Object.keys(raw.rank_pattern ?? {}).length > 0) return "rank_pattern is not empty";
  if (Object.keys(raw.alpha_pattern ?? {}).length > 0) return "alpha_pattern is not empty";
  if ((raw.modules_to_save ?? []).length > 0) return "modules_to_save is not empty";
  return null;
}

/**
 * Reads adapter_config.json of a PEFT folder.
 *
 * @throws KlatchError `data` when it is missing or malformed, `incompatible` when it is not plain LoRA
 */
export async function readLoraSettings(folder: string): Promise<LoraSettings> {
  const file = join(folder, "adapter_config.json");
  const raw = await readJson(file, configSchema);
  const reason = unsupported(raw);
  if (reason !== null) throw refuse(file, reason);
  if (typeof raw.target_modules === "string") {
    throw refuse(
      file,
      `target_modules is the pattern "${raw.target_modules}", not a list of names`,
    );
  }
  return { rank: raw.r, alpha: raw.lora_alpha, targets: raw.target_modules };
}

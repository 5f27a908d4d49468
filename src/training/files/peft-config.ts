import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { readJson } from "./file-access.ts";

/** Path of each linear layer inside a Llama block. */
export const MODULES = {
  q: "self_attn.q_proj",
  k: "self_attn.k_proj",
  v: "self_attn.v_proj",
  o: "self_attn.o_proj",
  gate: "mlp.gate_proj",
  up: "mlp.up_proj",
  down: "mlp.down_proj",
} as const;

/** A linear layer that LoRA may adapt. */
export type Target = keyof typeof MODULES;

export const TARGETS = Object.keys(MODULES) as readonly Target[];

/** Klatch's own file in an adapter folder; PEFT passes over it. */
export const KLATCH_FILE = "klatch.json";

const lastPart = (path: string) => path.slice(path.lastIndexOf(".") + 1);

/**
 * The content of adapter_config.json for a plain LoRA adapter, with PEFT's field names; only fields that old releases
 * know too, because PEFT refuses others.
 */
export function loraConfig(adapter: {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly Target[];
  readonly baseModel: string;
}): Readonly<Record<string, unknown>> {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: adapter.baseModel,
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
    target_modules: TARGETS.filter((target) => adapter.targets.includes(target)).map((target) =>
      lastPart(MODULES[target]),
    ),
    task_type: "CAUSAL_LM",
  };
}

const emptyPattern = z.record(z.string(), z.unknown()).nullish();
const configSchema = z.object({
  peft_type: z.string(),
  r: z.number().int().min(1).max(4096),
  lora_alpha: z.number().positive().max(1e6),
  target_modules: z.union([z.array(z.string()).min(1).max(256), z.string()]),
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
  readonly targets: readonly Target[];
}

function refuse(file: string, what: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${file}: ${what}`,
    "Klatch reads plain LoRA adapters on the linear layers of Llama-type models",
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
  const named = new Set<Target>();
  for (const module of raw.target_modules) {
    const target = TARGETS.find((each) => lastPart(MODULES[each]) === lastPart(module));
    if (!target) throw refuse(file, `target module ${module} is not a linear layer of Llama`);
    named.add(target);
  }
  return {
    rank: raw.r,
    alpha: raw.lora_alpha,
    targets: TARGETS.filter((target) => named.has(target)),
  };
}

/** Klatch's own file in an adapter folder; PEFT passes over it. */
export const KLATCH_FILE = "klatch.json";

/** The fields of adapter_config.json that every method has. */
export const COMMON_CONFIG = {
  auto_mapping: null,
  inference_mode: true,
  revision: null,
  task_type: "CAUSAL_LM",
} as const;

/**
 * The fields of adapter_config.json that methods with virtual tokens have; `heads` times the size of one is `width`.
 */
export function virtualConfig(adapter: {
  readonly virtualTokens: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
}): Readonly<Record<string, unknown>> {
  return {
    ...COMMON_CONFIG,
    num_attention_heads: adapter.heads,
    num_layers: adapter.layers,
    num_transformer_submodules: 1,
    num_virtual_tokens: adapter.virtualTokens,
    token_dim: adapter.width,
  };
}

/**
 * The content of adapter_config.json for LoRA and what PEFT counts among it; only fields that old releases know too,
 * because PEFT refuses others.
 */
export function loraConfig(adapter: {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly string[];
  /** Whether the scale is alpha / sqrt(rank). */
  readonly rankStabilised?: boolean;
  /** Layers that have numbers of their own, by their whole paths. */
  readonly modules?: Readonly<Record<string, { readonly rank: number; readonly alpha: number }>>;
}): Readonly<Record<string, unknown>> {
  const own = Object.entries(adapter.modules ?? {});
  const ranks = own.filter(([, { rank }]) => rank !== adapter.rank);
  const alphas = own.filter(([, { alpha }]) => alpha !== adapter.alpha);
  return {
    ...COMMON_CONFIG,
    alpha_pattern: Object.fromEntries(alphas.map(([path, { alpha }]) => [path, alpha])),
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: adapter.rank,
    rank_pattern: Object.fromEntries(ranks.map(([path, { rank }]) => [path, rank])),
    target_modules: adapter.targets,
    ...(adapter.rankStabilised === true ? { use_rslora: true } : {}),
  };
}

import type { AdapterSettings } from "../../../../src/training/adapters/options.ts";
import type { LlamaConfig } from "../../../../src/training/models/architectures/llama.ts";
import type { AdapterKind } from "../../../../src/types.ts";
import { TINY } from "../models/tiny-llama.ts";

export const FACTORS = { rank: 2, alpha: 3, targets: ["q", "v", "down"] };

/** The smallest settings of each kind. */
export const SETTINGS: Readonly<Record<AdapterKind, AdapterSettings>> = {
  lora: { kind: "lora", ...FACTORS },
  rslora: { kind: "rslora", ...FACTORS },
  dora: { kind: "dora", ...FACTORS },
  "lora-xs": { kind: "lora-xs", ...FACTORS },
  ia3: { kind: "ia3" },
  bitfit: { kind: "bitfit" },
  bottleneck: { kind: "bottleneck", size: 3 },
  prompt: { kind: "prompt", virtualTokens: 2 },
  prefix: { kind: "prefix", virtualTokens: 2 },
};
/** A tiny model with something for every kind to train. */
export const BIASED: LlamaConfig = { ...TINY, biases: ["q", "k", "v", "down"] };

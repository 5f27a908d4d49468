import { z } from "zod";

const VOCABULARY_MAX = 1 << 22;

/** The number of a token in any file of a model. */
export const tokenId = z
  .int()
  .min(0)
  .max(VOCABULARY_MAX - 1);
export const vocabulary = z.int().min(2).max(VOCABULARY_MAX);

/**
 * Where config.json names no id of a token, what Hugging Face's configuration class of the `model_type` has. Classes
 * that have none are not here.
 */
export const USUAL_IDS = {
  llama: { bos: 1, eos: 2 },
  mistral: { bos: 1, eos: 2 },
  phi3: { bos: 1, eos: 32_000 },
  smollm3: { bos: 128_000, eos: 128_001 },
  gemma2: { bos: 2, eos: 1 },
  gemma3_text: { bos: 2, eos: 1 },
  gpt2: { bos: 50_256, eos: 50_256 },
  gpt_neox: { bos: 0, eos: 2 },
} as const satisfies Readonly<Record<string, TokenIds>>;

export interface TokenIds {
  readonly bos: number;
  readonly eos: number;
}

/** The ids that begin and end a text. */
export const idFields = {
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId).min(1).max(64)]).nullish(),
};

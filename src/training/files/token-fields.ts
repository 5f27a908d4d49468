import { z } from "zod";

const VOCABULARY_MAX = 1 << 22;

/** The number of a token in any file of a model. */
export const tokenId = z
  .int()
  .min(0)
  .max(VOCABULARY_MAX - 1);
export const vocabulary = z.int().min(2).max(VOCABULARY_MAX);

/** The ids that begin and end a text. */
export const idFields = {
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId).min(1).max(64)]).nullish(),
};

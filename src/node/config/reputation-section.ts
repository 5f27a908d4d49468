import { z } from "zod";

/** The memory of behaviour; its keys follow src/reputation's own section. */
export const reputationSection = z.strictObject({
  forgetting: z
    .number()
    .min(0)
    .max(1)
    .default(0.95)
    .describe("What is left of old evidence after each round."),
});

import { z } from "zod";
import type { AdapterKind } from "../../types.ts";

/** Section `run.optimizer` of the configuration. */
export const optimizerConfigSchema = z.strictObject({
  learningRate: z
    .union(
      [z.literal("auto"), z.number().positive().max(1)],
      "expected auto, or a number above 0 and at most 1",
    )
    .default("auto")
    .describe("AdamW step size; auto takes one that suits the adapter's method."),
  weightDecay: z.number().min(0).max(1).default(0).describe("AdamW decoupled weight decay."),
  beta1: z.number().min(0).lt(1).default(0.9).describe("Decay of AdamW's first moment."),
  beta2: z.number().min(0).lt(1).default(0.999).describe("Decay of AdamW's second moment."),
  epsilon: z.number().positive().max(0.1).default(1e-8).describe("AdamW's epsilon."),
  clipNorm: z.number().positive().max(1e6).default(1).describe("Global gradient-norm clip."),
  proximal: z
    .number()
    .positive()
    .max(1000)
    .optional()
    .describe(
      "FedProx: a pull of so many times the distance towards the state that the round started from; none when absent.",
    ),
  warmupSteps: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe("Steps of linear warm-up of the step size from zero."),
  schedule: z
    .enum(["constant", "linear", "cosine"])
    .default("constant")
    .describe("How the step size falls from the warm-up to the run's last step."),
  finalShare: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("The step size at the last step, as a share of the full one."),
});

/**
 * Step sizes that `auto` stands for: methods with few numbers, or with numbers far from the loss, want larger ones. The
 * ratios are those of the methods' papers; a sweep on a small model agrees (docs/MODELS.md).
 */
const LEARNING_RATES: Readonly<Record<AdapterKind, number>> = {
  lora: 0.003,
  rslora: 0.003,
  dora: 0.003,
  "lora-xs": 0.01,
  bottleneck: 0.003,
  bitfit: 0.01,
  ia3: 0.03,
  prefix: 0.03,
  prompt: 0.1,
};

/** The step size of a run, with `auto` resolved. */
export function learningRateOf(run: {
  readonly adapter: { readonly kind: AdapterKind };
  readonly optimizer: { readonly learningRate: number | "auto" };
}): number {
  const { learningRate } = run.optimizer;
  return learningRate === "auto" ? LEARNING_RATES[run.adapter.kind] : learningRate;
}

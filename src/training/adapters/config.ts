import { z } from "zod";
import { ADAPTER_KINDS } from "../../types.ts";

const TARGETS = /^[A-Za-z0-9_.]{1,200}(,[A-Za-z0-9_.]{1,200})*$/;

/** Section `run.adapter` of the configuration: the method with its numbers, those of the other methods among them. */
export const adapterConfigSchema = z.strictObject({
  kind: z.enum(ADAPTER_KINDS).default("lora").describe("Method of the adapter."),
  rank: z
    .union(
      [z.literal("auto"), z.int().min(1).max(256)],
      "expected auto, or a whole number from 1 to 256",
    )
    .default("auto")
    .describe("Rank of the LoRA factors; auto takes 8, or less where run.bytesPerRound asks it."),
  alpha: z
    .number()
    .positive()
    .max(4096)
    .default(16)
    .describe("LoRA scaling numerator: the update is multiplied by alpha / rank."),
  virtualTokens: z
    .int()
    .min(1)
    .max(4096)
    .default(16)
    .describe("Positions that prompt and prefix adapters put before every sequence."),
  bottleneckSize: z.int().min(1).max(4096).default(16).describe("Width of bottleneck adapters."),
  targets: z
    .string()
    .regex(TARGETS, "expected all, or names of linear layers such as q,v with commas between")
    .default("all")
    .describe(
      "Linear layers that get an adapter: a list such as q,v, or all: those that the method is made for.",
    ),
});

/** Names of the layers behind `run.adapter.targets`. */
export function adapterTargets(targets: string): readonly string[] {
  return targets.split(",");
}

/** The rank of a run, with `auto` resolved as it is where no budget decides. */
export function rankOf({
  adapter,
}: {
  readonly adapter: { readonly rank: number | "auto" };
}): number {
  return adapter.rank === "auto" ? 8 : adapter.rank;
}

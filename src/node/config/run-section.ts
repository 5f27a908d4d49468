import { z } from "zod";
import { ADAPTER_KINDS, type AdapterKind, MIXING_RULES, TASKS } from "../../types.ts";

/** libp2p peer id in base58btc text form. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{46,60}$/;
const TARGETS = /^[A-Za-z0-9_.]{1,200}(,[A-Za-z0-9_.]{1,200})*$/;
const TOPOLOGY = /^(full|ring|regular:[1-9][0-9]{0,2})$/;

const adapter = z.strictObject({
  kind: z.enum(ADAPTER_KINDS).default("lora").describe("Method of the adapter."),
  rank: z.int().min(1).max(256).default(8).describe("Rank of the LoRA factors."),
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

const optimizer = z.strictObject({
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

/** What all peers of a run must have alike: its digest, with the model's, is the run id. */
export const runSection = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "expected letters, digits, . _ - (at most 64)")
    .default("run")
    .describe("Name of the run, for people."),
  task: z
    .enum(TASKS)
    .default("causal")
    .describe("What is learned: to go on with a text, or to tell its class."),
  classes: z
    .array(z.string().trim().min(1).max(200))
    .max(10_000)
    .refine((names) => new Set(names).size === names.length, "a class is listed twice")
    .default([])
    .describe("Classes of a classification, in order; empty takes those of this peer's own data."),
  rounds: z.int().min(1).max(1_000_000).default(50).describe("Rounds of train, exchange, mix."),
  steps: z.int().min(1).max(100_000).default(20).describe("Local optimiser steps per round."),
  batchSize: z.int().min(1).max(4096).default(16).describe("Examples per optimiser step."),
  sequenceMax: z
    .int()
    .min(8)
    .max(131_072)
    .default(128)
    .describe("Longest sequence in tokens; longer rows are cut and counted."),
  seed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(1)
    .describe("Seed of the adapter's A factors and of the order of examples."),
  rule: z
    .enum(MIXING_RULES)
    .default("cs-plus")
    .describe("Mixing rule: how a node combines its own state with its neighbours'."),
  attackersMax: z
    .union(
      [z.literal("auto"), z.int().min(0).max(500)],
      "expected auto, or a whole number from 0 to 500",
    )
    .default("auto")
    .describe(
      "Neighbours that may lie; auto takes the largest number the topology is certified for.",
    ),
  factors: z
    .enum(["both", "alternate", "ffa"])
    .default("both")
    .describe("LoRA factors that train: both; B and A in turns (RoLoRA); B only (FFA-LoRA)."),
  adapter: adapter.prefault({}).describe("The adapter that is trained and shared."),
  optimizer: optimizer.prefault({}).describe("The local optimiser (AdamW)."),
  topology: z
    .string()
    .regex(TOPOLOGY, "expected full, ring or regular:K")
    .default("full")
    .describe("Who exchanges with whom: full, ring, or regular:K (K neighbours each)."),
  codec: z
    .enum(["int8", "float32"])
    .default("int8")
    .describe("How an update travels: int8 (a quarter of the bytes) or float32."),
  members: z
    .array(z.string().regex(PEER_ID, "expected a libp2p peer id such as 12D3KooW…"))
    .max(1000)
    .refine((ids) => new Set(ids).size === ids.length, "a peer id is listed twice")
    .default([])
    .describe("Peer ids of all members, this node's own among them; the same list on every peer."),
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

/** Names of the layers behind `run.adapter.targets`. */
export function adapterTargets(targets: string): readonly string[] {
  return targets.split(",");
}

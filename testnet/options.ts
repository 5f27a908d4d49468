import { z } from "zod";
import {
  CODEC_NAMES,
  COMMON_RULE_NAMES,
  consensusTerms,
  outerTermsOf,
  TOPOLOGY,
  TOPOLOGY_FORMS,
} from "../src/consensus/index.ts";
import { KlatchError } from "../src/errors.ts";
import { bytesField, speedField } from "../src/node/budget/units.ts";
import { modeOf } from "../src/node/config/mode-of.ts";
import {
  ADAPTER_KINDS,
  BASE_DTYPES,
  ENGINE_CHOICES,
  MIXING_RULES,
  RUN_MODES,
  TASKS,
} from "../src/types.ts";
import { ATTACK_NAMES } from "./attacks/catalogue.ts";
import type { Partition } from "./data/partition.ts";
import {
  alphaOf,
  canariesField,
  columnsField,
  partitionField,
  pathField,
  ranksField,
} from "./option-fields.ts";
import { expectField } from "./scenario/expectations.ts";
import { clocksField, faultsField, requirePlayable } from "./scenario/faults.ts";

/** The model and the messages that come with Klatch. */
export const BUNDLED = "bundled";

/** Everything that decides a testnet; the flags of `klatch testnet` in the form they are typed. */
export const testnetOptionsSchema = z.strictObject({
  peers: z
    .int()
    .min(2)
    .max(100)
    .default(4)
    .describe("Peers, attackers included; one process each."),
  rounds: z.int().min(1).max(10_000).default(12).describe("Rounds of train, exchange, mix."),
  steps: z.int().min(1).max(10_000).default(20).describe("Local optimiser steps per round."),
  seed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(1)
    .describe("Seed of split, adapter and attacks."),
  model: pathField
    .default(BUNDLED)
    .describe("Hugging Face model folder, or organisation/name[@revision] of the hub."),
  data: pathField
    .default(BUNDLED)
    .describe(
      "JSONL or CSV file, or a folder of them; bundled: made-up messages of four organisations.",
    ),
  test: pathField.optional().describe("Common test set, a file or a folder (pooled)."),
  partition: partitionField
    .optional()
    .describe("Split of the data: by-file, iid, dirichlet:ALPHA, by:FIELD."),
  columns: columnsField.default({}).describe("Column names."),
  topology: z
    .string()
    .regex(TOPOLOGY, `expected ${TOPOLOGY_FORMS}`)
    .default("full")
    .describe("Who exchanges with whom."),
  mode: z
    .enum([...RUN_MODES, "auto"])
    .default("gossip")
    .describe("gossip, agreed, or auto: agreed for 4 to 200 peers."),
  rule: z.enum(MIXING_RULES).default("cs-plus").describe("Mixing rule of mode gossip."),
  agreedRule: z
    .enum(COMMON_RULE_NAMES)
    .default("check-twins")
    .describe("Mixing rule of mode agreed."),
  outer: z
    .enum(["none", "nesterov"])
    .optional()
    .describe("Outer step: with momentum over the rounds, or without."),
  outerMomentum: z
    .number()
    .min(0)
    .max(0.95)
    .optional()
    .describe(
      "Momentum over the rounds; 0.6 unless --outer none or, in mode gossip, --codec sign.",
    ),
  attack: z.enum(ATTACK_NAMES).optional().describe("What the attackers send."),
  attackers: z
    .int()
    .min(0)
    .max(99)
    .optional()
    .describe("How many of the peers attack: the last ones."),
  canaries: canariesField.describe("Requests to refuse among each honest peer's rows."),
  baselines: z
    .boolean()
    .default(false)
    .describe("Also train each peer alone, and one on all data."),
  report: pathField.optional().describe("Folder for report.json, report.md and report.png."),
  folder: pathField.optional().describe("Working folder; a temporary one by default."),
  task: z.enum(TASKS).default("causal").describe("To go on with texts, or to tell their class."),
  batchSize: z.int().min(1).max(1024).default(16).describe("Examples per step."),
  learningRate: z
    .union([z.literal("auto"), z.number().positive().max(1)])
    .default("auto")
    .describe("AdamW step size; auto suits the adapter's method."),
  proximal: z
    .number()
    .positive()
    .max(1000)
    .optional()
    .describe("FedProx: pull towards the state that a round starts from; none unless given."),
  adapterKind: z.enum(ADAPTER_KINDS).default("lora").describe("Adapter method."),
  rank: z
    .union([z.literal("auto"), z.int().min(1).max(256)])
    .default("auto")
    .describe("Rank of the LoRA factors; auto is 8, or less for --bytes-per-round."),
  ranks: ranksField
    .optional()
    .describe("Ranks that peers train in turn, such as 2,4,8,16; the run has the largest."),
  alpha: z.number().positive().max(4096).default(16).describe("LoRA scaling numerator."),
  targets: z.string().max(100).default("all").describe("Layers with an adapter: all, or q,v,..."),
  factors: z
    .enum(["both", "alternate", "ffa"])
    .default("both")
    .describe("LoRA factors that train."),
  codec: z
    .enum(["auto", ...CODEC_NAMES])
    .default("auto")
    .describe("How updates travel; auto is int8, or what --bytes-per-round leaves."),
  bytesPerRound: bytesField
    .optional()
    .describe("Bytes that a peer may send in a round, such as 64KiB."),
  link: speedField.optional().describe("Speed of each peer's link, such as 10Mbit."),
  warmUp: consensusTerms.warmUp,
  feedback: consensusTerms.feedback,
  gate: z.boolean().default(true).describe("Judge updates on private held-out examples."),
  threads: z.int().min(1).max(64).default(1).describe("Engine threads of each peer."),
  engine: z
    .enum(ENGINE_CHOICES)
    .default("onnx:cpu")
    .describe("What executes the graphs of each peer."),
  dtype: z.enum(BASE_DTYPES).default("f32").describe("How each peer keeps the frozen base model."),
  sequenceMax: z.int().min(8).max(4096).default(128).describe("Longest sequence in tokens."),
  commitGraceMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(30_000)
    .describe("Least time that slower peers get to announce, ms."),
  killEach: z.boolean().default(false).describe("SIGKILL every peer once, and start it again."),
  timeLimitSeconds: z.int().min(5).max(604_800).default(7200).describe("Longest run."),
  faults: faultsField.default([]).describe("What befalls the peers."),
  clocks: clocksField.default({}).describe("Peers whose clocks are wrong, by so many seconds."),
  expect: expectField.default({}).describe("What the run must come to."),
});

/** What callers may leave out has its default here. */
export type TestnetInput = z.input<typeof testnetOptionsSchema>;

/** Checked options of a testnet. */
export type TestnetOptions = z.output<typeof testnetOptionsSchema> & OuterStep;

/** The outer step; `none` has momentum 0. */
interface OuterStep {
  readonly outer: "none" | "nesterov";
  readonly outerMomentum: number;
}

/** Checks options, also against one another; throws `usage` with the name of the flag. */
export function parseOptions(input: unknown): TestnetOptions {
  const parsed = testnetOptionsSchema.safeParse(input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = flagName(String(issue?.path[0] ?? "options"));
    throw new KlatchError(
      "usage",
      `${name}: ${issue?.message ?? "not understood"}`,
      "See klatch testnet run --help.",
    );
  }
  const options = parsed.data;
  const attackers = attackersOf(options);
  if (options.attack === undefined && attackers > 0) {
    throw new KlatchError(
      "usage",
      "--attackers needs --attack",
      `Attacks are ${ATTACK_NAMES.join(", ")}.`,
    );
  }
  if (attackers >= options.peers) {
    throw new KlatchError(
      "usage",
      `${attackers} attackers leave no honest peer among ${options.peers}`,
      "Use fewer --attackers or more --peers.",
    );
  }
  requirePlayable(options);
  return { ...options, ...outerStepOf(options), rank: rankOfAll(options) };
}

/** The rank that a peer trains, of the run's; null for all of it. */
export function ownRankOf({ ranks }: Pick<TestnetOptions, "ranks">, index: number): number | null {
  return ranks?.[index % ranks.length] ?? null;
}

/** Number of attackers: as told, else one where an attack is named. */
export function attackersOf(options: Pick<TestnetOptions, "attack" | "attackers">): number {
  return options.attackers ?? (options.attack === undefined ? 0 : 1);
}

/** The split that was asked for; by default one file per peer for a folder, else iid. */
export function partitionOf(text: string | undefined, dataIsFolder: boolean): Partition {
  if (text === undefined) return { kind: dataIsFolder ? "by-file" : "iid" };
  if (text.startsWith("dirichlet:")) return { kind: "dirichlet", alpha: alphaOf(text) };
  if (text.startsWith("by:")) return { kind: "by-field", field: text.slice("by:".length) };
  if (text === "iid") return { kind: "iid" };
  if (dataIsFolder) return { kind: "by-file" };
  throw new KlatchError(
    "usage",
    "--partition by-file needs a folder as --data",
    "Give a folder with one file per peer, or use --partition iid.",
  );
}

/** The largest of several ranks is the run's. */
function rankOfAll({
  rank,
  ranks,
}: Pick<z.output<typeof testnetOptionsSchema>, "rank" | "ranks">): TestnetOptions["rank"] {
  if (ranks === undefined) return rank;
  const most = Math.max(...ranks);
  if (rank === "auto" || rank === most) return most;
  throw new KlatchError(
    "usage",
    `--rank ${rank} and --ranks ${ranks.join(",")} contradict`,
    `Leave out --rank: the run has the largest of --ranks, ${most}.`,
  );
}

function outerStepOf({
  outer,
  outerMomentum,
  ...options
}: z.output<typeof testnetOptionsSchema>): OuterStep {
  const momentum =
    outerMomentum ?? (outer === undefined ? usualMomentum(options) : MOMENTUM[outer]);
  const kind = momentum === 0 ? "none" : "nesterov";
  if (outer === undefined || outer === kind) return { outer: kind, outerMomentum: momentum };
  throw new KlatchError(
    "usage",
    `--outer ${outer} and --outer-momentum ${momentum} contradict`,
    "Give one of them; none is a momentum of 0.",
  );
}

/** Of a step that is named alone. */
const MOMENTUM = { none: 0, nesterov: 0.6 };

/** What `auto` stands for in a node's configuration. */
function usualMomentum({
  mode,
  topology,
  peers,
  ...travel
}: Pick<
  z.output<typeof testnetOptionsSchema>,
  "mode" | "topology" | "peers" | "codec" | "bytesPerRound"
>): number {
  const members = Array.from({ length: peers }, (_, index) => String(index));
  // a budget may choose signs
  const codec = travel.bytesPerRound === undefined ? travel.codec : "sign";
  const run = { outer: consensusTerms.outer.parse({}), codec };
  return outerTermsOf(run, modeOf({ mode, topology, members, roster: [] })).momentum;
}

function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

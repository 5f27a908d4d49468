import * as z from "zod";
import { MIXING_RULES, RUN_MODES, type RunMode } from "../types.ts";
import { ROSTER_CHANGE } from "./graph/roster.ts";
import { TOPOLOGY, TOPOLOGY_FORMS } from "./graph/topology.ts";
import { COMMON_RULE_NAMES } from "./mixing/common/rules.ts";
import type { OuterTerms } from "./mixing/outer-step.ts";
import { CODEC_NAMES, type CodecName } from "./update/codecs/codec.ts";

/** Who must be there for round 1, and when it may begin at the earliest. */
const startTerms = z.strictObject({
  members: z
    .union(
      [z.enum(["quorum", "all"]), z.int().min(2).max(1000)],
      "expected quorum, all, or a whole number of members from 2",
    )
    .default("quorum")
    .describe(
      "Members, this one included, without which round 1 does not end: quorum is more than half.",
    ),
  at: z.iso
    .datetime({ offset: true, error: "expected a time such as 2027-01-31T08:00:00Z" })
    .nullable()
    .default(null)
    .describe("Time before which round 1 does not begin; null for none."),
});

/** What all peers of a run must have alike about rounds and mixing: keys of section `run` of the configuration. */
export const consensusTerms = {
  rounds: z.int().min(1).max(1_000_000).default(50).describe("Rounds of train, exchange, mix."),
  start: startTerms.prefault({}).describe("When the run begins."),
  roster: z
    .array(z.string().regex(ROSTER_CHANGE, 'expected "8 +PEERID" or "12 -PEERID" (rounds from 1)'))
    .max(1000)
    .default([])
    .describe(
      "Later changes of the members: 8 +PEERID admits from round 8 on, 12 -PEERID removes.",
    ),
  mode: z
    .enum([...RUN_MODES, "auto"])
    .default("gossip")
    .describe(
      "In mode gossip each goes on with its own state, in mode agreed all with one that a quorum signs; auto takes agreed for 4 to 200 members of a full topology.",
    ),
  rule: z
    .enum(MIXING_RULES)
    .default("cs-plus")
    .describe(
      "Mixing rule of mode gossip: how a node combines its own state with its neighbours'.",
    ),
  agreedRule: z
    .enum(COMMON_RULE_NAMES)
    .default("check-twins")
    .describe(
      "Mixing rule of mode agreed: what becomes of the updates that all members see alike.",
    ),
  outer: z
    .strictObject({
      rate: z
        .number()
        .min(0.01)
        .max(4)
        .default(1)
        .describe("How far the mix of a round moves the state; 1 is all of it."),
      momentum: z
        .union(
          [z.literal("auto"), z.number().min(0).max(0.95)],
          "expected auto, or a number from 0 to 0.95",
        )
        .default("auto")
        .describe(
          "Share of the rounds before that moves it on (Nesterov); auto is 0.6, and 0 (none) in mode gossip with codec sign.",
        ),
    })
    .prefault({})
    .describe("Outer optimiser over the rounds; in mode gossip each node's own."),
  rankMin: z
    .int()
    .min(1)
    .max(256)
    .nullable()
    .default(null)
    .describe(
      "Lowest rank that members may train and send (training.rank) in mode agreed; null for one rank for all.",
    ),
  attackersMax: z
    .union(
      [z.literal("auto"), z.int().min(0).max(500)],
      "expected auto, or a whole number from 0 to 500",
    )
    .default("auto")
    .describe(
      "Neighbours that may lie; auto takes the largest number the topology is certified for.",
    ),
  topology: z
    .string()
    .regex(TOPOLOGY, `expected ${TOPOLOGY_FORMS}`)
    .default("full")
    .describe(
      "Who exchanges with whom: full, ring, torus, regular:K (K neighbours each), exponential; or others in every round: one-peer-exponential, base:B (B - 1 others, exact mean at the end of the sequence), epidemic:S (S at random).",
    ),
  codec: z
    .enum(["auto", ...CODEC_NAMES])
    .default("auto")
    .describe(
      "How an update travels; auto takes int8, or what run.bytesPerRound leaves. float32, or in 8 (int8), 4 (int4), 2 (int2) or 1 bit a value (sign), a quarter (ternary) or a 64th of the values (sparse), or each value every eighth round (masked); the last three in mode agreed only.",
    ),
  feedback: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      "Share of what the codec lost of an update that counted and that comes with the next; mode agreed.",
    ),
  warmUp: z
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .describe(
      "First rounds in which updates travel as int8, where the codec tells less than that; mode agreed.",
    ),
};

/** Momentum that `auto` stands for: what was measured on real training with several seeds (docs/BENCHMARKS.md). */
const MOMENTUM = 0.6;

/** The outer step of a run in a mode, with `auto` resolved. In mode gossip momentum drives apart who tells signs. */
export function outerTermsOf(
  run: {
    readonly outer: z.output<typeof consensusTerms.outer>;
    readonly codec: CodecName | "auto";
  },
  mode: RunMode,
): OuterTerms {
  const { rate, momentum } = run.outer;
  const usual = mode === "gossip" && codecOf(run) === "sign" ? 0 : MOMENTUM;
  return { rate, momentum: momentum === "auto" ? usual : momentum };
}

/** The codec of a run, with `auto` resolved as it is where no budget decides. */
export function codecOf({ codec }: { readonly codec: CodecName | "auto" }): CodecName {
  return codec === "auto" ? "int8" : codec;
}
